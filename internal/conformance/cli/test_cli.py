"""The AWS command line, versions 1 and 2, run as a person runs it: a process for each command, the endpoint by its flag.

MILLRACE_ENDPOINT names the server, MILLRACE_AWS_1 and MILLRACE_AWS_2 the two programs, and MILLRACE_TRANSCRIPT the file
that gets one JSON line for each command and its answer; beside it, with .cache, goes the X-Millrace-Cache header of each
reply, which the programs tell with --debug.
"""

import json
import os
import re
import subprocess

import pytest

ENDPOINT = os.environ['MILLRACE_ENDPOINT']
TRANSCRIPT = os.environ.get('MILLRACE_TRANSCRIPT', '')
VOLATILE = {'CreationDateTime', 'TableId', 'LastUpdateToPayPerRequestDateTime', 'LastIncreaseDateTime', 'LastDecreaseDateTime'}

ENVIRONMENT = {
    'PATH': os.environ['PATH'],
    'HOME': os.devnull,
    'AWS_ACCESS_KEY_ID': 'suite',
    'AWS_SECRET_ACCESS_KEY': 'suite',
    'AWS_DEFAULT_REGION': 'us-east-1',
    'AWS_CONFIG_FILE': os.devnull,
    'AWS_SHARED_CREDENTIALS_FILE': os.devnull,
    'AWS_EC2_METADATA_DISABLED': 'true',
    'AWS_PAGER': '',
}


def write(suffix, line):
    if TRANSCRIPT:
        with open(TRANSCRIPT + suffix, 'a', encoding='utf-8') as f:
            f.write(json.dumps(line, sort_keys=True) + '\n')


def steady(value):
    """Drops what differs between two runs."""
    if isinstance(value, dict):
        return {k: steady(v) for k, v in value.items() if k not in VOLATILE}
    if isinstance(value, list):
        return [steady(v) for v in value]
    return value


def operation(command):
    return ''.join(word.capitalize() for word in command.split('-'))


class CLI:
    """One of the two programs."""

    def __init__(self, version):
        self.version = version
        self.program = os.environ['MILLRACE_AWS_%d' % version]

    def run(self, command, **options):
        """Runs `aws dynamodb command` with options; values that are not strings become JSON. Gives code, answer, stderr."""
        argv = [self.program, 'dynamodb', command, '--endpoint-url', ENDPOINT, '--output', 'json', '--debug']
        for name, value in options.items():
            argv.append('--' + name.replace('_', '-'))
            if value is not True:
                argv.append(value if isinstance(value, str) else json.dumps(value))
        done = subprocess.run(argv, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        answer = json.loads(done.stdout) if done.stdout.strip() else None
        message = [line for line in done.stderr.splitlines() if line.startswith('An error occurred')]
        write('', {'cli': self.version, 'command': command, 'options': options, 'code': done.returncode,
                   'answer': steady(answer), 'message': message})
        for word in re.findall(r"x-millrace-cache': '([^']*)'", done.stderr, re.IGNORECASE):
            write('.cache', {'operation': operation(command), 'cache': word})
        return done.returncode, answer, '\n'.join(message) or done.stderr[-2000:]

    def __call__(self, command, **options):
        code, answer, said = self.run(command, **options)
        assert code == 0, said
        return answer


@pytest.fixture(params=[1, 2], ids=['v1', 'v2'])
def aws(request):
    cli = CLI(request.param)
    told = subprocess.run([cli.program, '--version'], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert (told.stdout + told.stderr).startswith('aws-cli/%d.' % request.param), told
    return cli


def test_a_session(aws):
    table = 'CliBooks%d' % aws.version
    aws('create-table', table_name=table, billing_mode='PAY_PER_REQUEST',
        key_schema=[{'AttributeName': 'author', 'KeyType': 'HASH'}, {'AttributeName': 'title', 'KeyType': 'RANGE'}],
        attribute_definitions=[{'AttributeName': 'author', 'AttributeType': 'S'}, {'AttributeName': 'title', 'AttributeType': 'S'}])
    aws('batch-write-item', request_items={table: [
        {'PutRequest': {'Item': {'author': {'S': 'Lem'}, 'title': {'S': 'Book %d' % n}, 'year': {'N': str(1960 + n)}}}} for n in range(9)]})
    key = {'author': {'S': 'Lem'}, 'title': {'S': 'Book 3'}}
    for _ in range(2):
        assert aws('get-item', table_name=table, key=key)['Item']['year'] == {'N': '1963'}
        got = aws('batch-get-item', request_items={table: {'Keys': [key]}})
        assert [i['year']['N'] for i in got['Responses'][table]] == ['1963']
        found = aws('query', table_name=table, key_condition_expression='author = :a AND begins_with(title, :t)',
                    expression_attribute_values={':a': {'S': 'Lem'}, ':t': {'S': 'Book'}}, page_size='4')
        assert found['Count'] == 9
    updated = aws('update-item', table_name=table, key=key, update_expression='ADD #y :n', return_values='UPDATED_NEW',
                  expression_attribute_names={'#y': 'year'}, expression_attribute_values={':n': {'N': '7'}})
    assert updated['Attributes'] == {'year': {'N': '1970'}}
    assert aws('get-item', table_name=table, key=key)['Item']['year'] == {'N': '1970'}
    code, _, said = aws.run('put-item', table_name=table, item=key, condition_expression='attribute_not_exists(author)')
    # A service's refusal has an exit code of its own only in version 2.
    assert (code, said) == (254 if aws.version == 2 else 255, 'An error occurred (ConditionalCheckFailedException) when calling the PutItem operation: The conditional request failed')
    page = aws('scan', table_name=table, max_items='5')
    rest = aws('scan', table_name=table, starting_token=page['NextToken'])
    assert len(page['Items']) + len(rest['Items']) == 9
    aws('delete-table', table_name=table)
