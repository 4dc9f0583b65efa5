"""What was asked and answered, as JSON lines, so that two runs of the suite can be compared.

MILLRACE_TRANSCRIPT names the file. Every call of every hooked client is written by itself; answers that do
not come through botocore's hooks are written with `note`. Beside it, in a file of the same name with
`.cache`, go the operation and the X-Millrace-Cache header of each reply: those differ between runs.
"""

import contextlib
import json
import os
import zlib

# Members whose value is a moment or an identity of the run, not an answer.
VOLATILE = frozenset([
    'CreationDateTime', 'TableId', 'LastIncreaseDateTime', 'LastDecreaseDateTime',
    'LastUpdateToPayPerRequestDateTime',
])


def normalise(value):
    """Drops what may differ between two equal runs."""
    if isinstance(value, dict):
        return {k: normalise(v) for k, v in value.items() if k not in VOLATILE}
    if isinstance(value, (list, tuple)):
        return [normalise(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted((normalise(v) for v in value), key=str)
    if isinstance(value, (str, int, bool, type(None))):
        return value
    return str(value)


class Transcript:
    """Writes the lines. Pause it around waits, whose number of calls is a matter of time."""

    def __init__(self, path):
        self.path = path
        self.test = ''
        self.paused = 0
        self.replies = 0
        self.crc_faults = []
        self.retried = []

    def begin(self, test):
        self.test = test
        self.crc_faults = []
        self.retried = []

    @contextlib.contextmanager
    def pause(self):
        self.paused += 1
        try:
            yield
        finally:
            self.paused -= 1

    def note(self, what, answer):
        self._write('', {'test': self.test, 'what': what, 'answer': normalise(answer)})

    def hook(self, botocore_session):
        """Records every DynamoDB call made by clients of botocore_session, and checks each reply's CRC."""
        botocore_session.register('before-call.dynamodb', self._before_call)
        botocore_session.register('after-call.dynamodb', self._after_call)

    def _before_call(self, params, context, **_):
        context['millrace_request'] = params['body']

    def _after_call(self, http_response, parsed, model, context, **_):
        body = http_response.content
        self.replies += 1
        told = http_response.headers.get('x-amz-crc32')
        if told is None or int(told) != zlib.crc32(body) & 0xffffffff:
            self.crc_faults.append((model.name, told, zlib.crc32(body) & 0xffffffff))
        if parsed.get('ResponseMetadata', {}).get('RetryAttempts'):
            self.retried.append(model.name)
        if self.paused:
            return
        request = context.get('millrace_request') or b'{}'
        self._write('', {
            'test': self.test,
            'operation': model.name,
            'request': json.loads(request),
            'status': http_response.status_code,
            'answer': normalise(json.loads(body) if body else None),
        })
        self._write('.cache', {
            'operation': model.name,
            'cache': http_response.headers.get('x-millrace-cache', ''),
        })

    def _write(self, suffix, line):
        if not self.path:
            return
        with open(self.path + suffix, 'a', encoding='utf-8') as f:
            f.write(json.dumps(line, sort_keys=True) + '\n')


transcript = Transcript(os.environ.get('MILLRACE_TRANSCRIPT', ''))
