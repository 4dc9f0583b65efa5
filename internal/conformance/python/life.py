"""Load by boto3 as an application gets it: nothing is set but the endpoint, so that its own retries are all there are.

Each worker owns a key. It writes a number, reads it back by item and by query, and deletes it now and then, until stdin
ends. A line says when the first round is over, and what it counts is printed as another, of JSON: calls, those that
failed, and those that did not see the worker's own write.
"""

import json
import os
import sys
import threading

import boto3

WORKERS = 4

stopped = threading.Event()
lock = threading.Lock()
told = {'calls': 0, 'faults': [], 'stale': []}


def work(n):
    client = boto3.session.Session(
        region_name='us-east-1', aws_access_key_id='life', aws_secret_access_key='life').client(
            'dynamodb', endpoint_url=os.environ['MILLRACE_ENDPOINT'])
    key = {'pk': {'S': 'python-%d' % n}, 'sk': {'N': '0'}}

    def call(operation, **arguments):
        with lock:
            told['calls'] += 1
        return getattr(client, operation)(TableName='Life', **arguments)

    count = 0
    while not stopped.is_set():
        count += 1
        value = {'N': str(count)}
        try:
            call('put_item', Item={**key, 'n': value})
            seen = [call('get_item', Key=key).get('Item', {}).get('n'),
                    call('query', KeyConditionExpression='pk = :p', ExpressionAttributeValues={':p': key['pk']})['Items'],
                    call('update_item', Key=key, UpdateExpression='SET n = :n', ExpressionAttributeValues={':n': value},
                         ReturnValues='ALL_NEW')['Attributes']['n']]
            if seen != [value, [{**key, 'n': value}], value]:
                told['stale'].append('wrote %s, saw %s' % (value, seen))
            if count % 10 == 0:
                call('delete_item', Key=key)
                if 'Item' in call('get_item', Key=key):
                    told['stale'].append('saw what was deleted')
        except Exception as e:  # Whatever an application would have met.
            with lock:
                told['faults'].append('%s: %s' % (type(e).__name__, e))
        if n == 0 and count == 1:
            print('begun', flush=True)


threads = [threading.Thread(target=work, args=(n,)) for n in range(WORKERS)]
for thread in threads:
    thread.start()
sys.stdin.read()
stopped.set()
for thread in threads:
    thread.join()
print(json.dumps(told))
