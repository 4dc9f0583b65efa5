"""The control plane, and time to live."""

import decimal
import time

import pytest
from boto3.dynamodb.conditions import Key

from transcript import transcript

VE = 'ValidationException'
SCHEMA = [{'AttributeName': 'pk', 'KeyType': 'HASH'}]
DEFINITIONS = [{'AttributeName': 'pk', 'AttributeType': 'S'}]


def test_describe_tells_what_was_created(make_table, client):
    make_table(
        'Described', 'pk:S', 'sk:N', gsis=[('gsi', 'g:B', None, {'ProjectionType': 'KEYS_ONLY'})],
        lsis=[('lsi', 'pk:S', 'l:S')])
    table = client.describe_table(TableName='Described')['Table']
    assert table['TableName'] == 'Described'
    assert table['TableStatus'] == 'ACTIVE'
    assert table['TableArn'].startswith('arn:aws:dynamodb:us-east-1:')
    assert table['TableArn'].endswith(':table/Described')
    assert table['KeySchema'] == [
        {'AttributeName': 'pk', 'KeyType': 'HASH'}, {'AttributeName': 'sk', 'KeyType': 'RANGE'}]
    assert sorted(table['AttributeDefinitions'], key=lambda d: d['AttributeName']) == [
        {'AttributeName': n, 'AttributeType': t} for n, t in (('g', 'B'), ('l', 'S'), ('pk', 'S'), ('sk', 'N'))]
    assert table['BillingModeSummary']['BillingMode'] == 'PAY_PER_REQUEST'
    assert table['ProvisionedThroughput']['ReadCapacityUnits'] == 0
    gsi, = table['GlobalSecondaryIndexes']
    assert (gsi['IndexName'], gsi['IndexStatus'], gsi['Projection']) == (
        'gsi', 'ACTIVE', {'ProjectionType': 'KEYS_ONLY'})
    assert gsi['IndexArn'] == table['TableArn'] + '/index/gsi'
    lsi, = table['LocalSecondaryIndexes']
    assert lsi['KeySchema'] == [
        {'AttributeName': 'pk', 'KeyType': 'HASH'}, {'AttributeName': 'l', 'KeyType': 'RANGE'}]


def test_create_answers_creating(client, resource):
    answer = client.create_table(
        TableName='Made', KeySchema=SCHEMA, AttributeDefinitions=DEFINITIONS,
        ProvisionedThroughput={'ReadCapacityUnits': 3, 'WriteCapacityUnits': 4})['TableDescription']
    assert answer['TableStatus'] == 'CREATING'
    assert (answer['ItemCount'], answer['TableSizeBytes']) == (0, 0)
    assert answer['ProvisionedThroughput']['ReadCapacityUnits'] == 3
    with transcript.pause():
        resource.Table('Made').wait_until_exists()
    assert client.delete_table(TableName='Made')['TableDescription']['TableStatus'] == 'DELETING'
    with transcript.pause():
        resource.Table('Made').wait_until_not_exists()


def test_a_table_made_again_is_empty(make_table, client, resource):
    table = make_table('Again', 'pk:S')
    table.put_item(Item={'pk': 'p', 'old': True})
    assert 'Item' in table.get_item(Key={'pk': 'p'})
    assert table.scan()['Count'] == 1
    client.delete_table(TableName='Again')
    with transcript.pause():
        table.wait_until_not_exists()
    client.create_table(
        TableName='Again', KeySchema=SCHEMA, AttributeDefinitions=DEFINITIONS, BillingMode='PAY_PER_REQUEST')
    with transcript.pause():
        table.wait_until_exists()
    assert 'Item' not in table.get_item(Key={'pk': 'p'})
    assert table.scan()['Items'] == []


def test_list_tables_is_sorted_and_paged(make_table, client):
    for name in ('List.c', 'List.a', 'List_b', 'list-d'):
        make_table(name, 'pk:S')
    assert client.list_tables()['TableNames'] == ['List.a', 'List.c', 'List_b', 'list-d']
    first = client.list_tables(Limit=2)
    assert first['TableNames'] == ['List.a', 'List.c'] and first['LastEvaluatedTableName'] == 'List.c'
    rest = client.list_tables(ExclusiveStartTableName='List.c')
    assert rest['TableNames'] == ['List_b', 'list-d'] and 'LastEvaluatedTableName' not in rest


def test_create_refuses(make_table, client, refused):
    make_table('Taken', 'pk:S')
    refused(
        'ResourceInUseException', 'Table already exists: Taken',
        client.create_table, TableName='Taken', KeySchema=SCHEMA, AttributeDefinitions=DEFINITIONS,
        BillingMode='PAY_PER_REQUEST')
    refused(
        VE,
        'One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be '
        'specified when BillingMode is PAY_PER_REQUEST',
        client.create_table, TableName='Wrong', KeySchema=SCHEMA, AttributeDefinitions=DEFINITIONS,
        BillingMode='PAY_PER_REQUEST', ProvisionedThroughput={'ReadCapacityUnits': 1, 'WriteCapacityUnits': 1})
    refused(
        VE,
        'One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match '
        'number of attributes defined in AttributeDefinitions',
        client.create_table, TableName='Wrong', KeySchema=SCHEMA,
        AttributeDefinitions=DEFINITIONS + [{'AttributeName': 'x', 'AttributeType': 'S'}],
        BillingMode='PAY_PER_REQUEST')


def test_update_table_changes_throughput_and_billing(client, resource, refused):
    client.create_table(
        TableName='Billed', KeySchema=SCHEMA, AttributeDefinitions=DEFINITIONS,
        ProvisionedThroughput={'ReadCapacityUnits': 3, 'WriteCapacityUnits': 4})
    wait = lambda: client.get_waiter('table_exists').wait(
        TableName='Billed', WaiterConfig={'Delay': 0.05, 'MaxAttempts': 200})
    with transcript.pause():
        wait()
    client.update_table(
        TableName='Billed', ProvisionedThroughput={'ReadCapacityUnits': 5, 'WriteCapacityUnits': 4})
    with transcript.pause():
        wait()
    table = client.describe_table(TableName='Billed')['Table']
    assert table['ProvisionedThroughput']['ReadCapacityUnits'] == 5
    client.update_table(TableName='Billed', BillingMode='PAY_PER_REQUEST')
    with transcript.pause():
        wait()
    table = client.describe_table(TableName='Billed')['Table']
    assert table['BillingModeSummary']['BillingMode'] == 'PAY_PER_REQUEST'
    client.delete_table(TableName='Billed')
    with transcript.pause():
        client.get_waiter('table_not_exists').wait(
            TableName='Billed', WaiterConfig={'Delay': 0.05, 'MaxAttempts': 200})


def test_time_to_live_settings(make_table, client, refused):
    make_table('Lived', 'pk:S')
    describe = lambda: client.describe_time_to_live(TableName='Lived')['TimeToLiveDescription']
    assert describe() == {'TimeToLiveStatus': 'DISABLED'}
    spec = {'AttributeName': 'ttl', 'Enabled': True}
    answer = client.update_time_to_live(TableName='Lived', TimeToLiveSpecification=spec)
    assert answer['TimeToLiveSpecification'] == spec
    assert describe()['AttributeName'] == 'ttl'
    refused(
        VE, 'TimeToLive is already enabled',
        client.update_time_to_live, TableName='Lived', TimeToLiveSpecification=spec)
    refused(
        'ResourceNotFoundException', 'Requested resource not found: Table: Nowhere not found',
        client.describe_time_to_live, TableName='Nowhere')


def test_expired_items_go_from_table_index_and_cache(make_table, client):
    table = make_table('Expiring', 'pk:S', gsis=[('gsi', 'g:S', None)])
    client.update_time_to_live(
        TableName='Expiring', TimeToLiveSpecification={'AttributeName': 'ttl', 'Enabled': True})
    past, future, stale = int(time.time()) - 60, int(time.time()) + 3600, int(time.time()) - 6 * 366 * 86400
    with transcript.pause():
        for pk, ttl in (('gone', past), ('later', future), ('text', str(past)), ('ancient', stale)):
            table.put_item(Item={'pk': pk, 'g': 'g', 'ttl': ttl})
        table.put_item(Item={'pk': 'fraction', 'g': 'g', 'ttl': decimal.Decimal(past) + decimal.Decimal('0.5')})
        index = lambda: sorted(i['pk'] for i in table.query(
            IndexName='gsi', KeyConditionExpression=Key('g').eq('g'))['Items'])
        deadline = time.monotonic() + 60
        # DynamoDB promises no moment, so this one waits for it; reads before it may show the item or not.
        while 'Item' in table.get_item(Key={'pk': 'gone'}) or 'Item' in table.get_item(Key={'pk': 'fraction'}):
            assert time.monotonic() < deadline, 'an expired item was still there after a minute'
            time.sleep(0.1)
        assert index() == ['ancient', 'later', 'text']
        assert sorted(i['pk'] for i in table.scan()['Items']) == ['ancient', 'later', 'text']


@pytest.mark.parametrize('n', range(3))
def test_describe_after_each_create(make_table, client, n):
    make_table('Cycle', 'pk:S', *([] if n % 2 else ['sk:N']))
    assert len(client.describe_table(TableName='Cycle')['Table']['KeySchema']) == (1 if n % 2 else 2)
