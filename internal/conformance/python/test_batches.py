"""BatchGetItem, BatchWriteItem and boto3's batch_writer."""

import pytest

VE = 'ValidationException'


@pytest.fixture
def table(make_table):
    return make_table('Batch', 'pk:S', 'sk:N')


@pytest.fixture
def other(make_table):
    return make_table('Other', 'id:S')


def key(n, pk='p'):
    return {'pk': pk, 'sk': n}


def keys_of(items):
    return sorted(int(i['sk']) for i in items)


def fill(table, count):
    with table.batch_writer() as batch:
        for n in range(count):
            batch.put_item(Item=dict(key(n), n=n))


def test_get_serves_what_is_there(resource, table):
    fill(table, 10)
    ask = {'Batch': {'Keys': [key(n) for n in range(5, 15)]}}
    for _ in range(3):
        answer = resource.batch_get_item(RequestItems=ask)
        assert keys_of(answer['Responses']['Batch']) == [5, 6, 7, 8, 9]
        assert answer['UnprocessedKeys'] == {}


def test_get_with_some_items_cached(resource, table):
    fill(table, 20)
    for n in (1, 3, 30):
        table.get_item(Key=key(n))
    answer = resource.batch_get_item(RequestItems={'Batch': {'Keys': [key(n) for n in (0, 1, 2, 3, 30, 31)]}})
    assert keys_of(answer['Responses']['Batch']) == [0, 1, 2, 3]
    table.put_item(Item=dict(key(30), n=30))
    table.delete_item(Key=key(1))
    answer = resource.batch_get_item(RequestItems={'Batch': {'Keys': [key(n) for n in (0, 1, 2, 3, 30, 31)]}})
    assert keys_of(answer['Responses']['Batch']) == [0, 2, 3, 30]


def test_get_over_two_tables_with_their_own_options(resource, table, other):
    fill(table, 3)
    other.put_item(Item={'id': 'x', 'name': 'X', 'rest': 1})
    for _ in range(2):
        answer = resource.batch_get_item(RequestItems={
            'Batch': {'Keys': [key(1), key(2)], 'ConsistentRead': True},
            'Other': {
                'Keys': [{'id': 'x'}, {'id': 'y'}], 'ProjectionExpression': '#n',
                'ExpressionAttributeNames': {'#n': 'name'}},
        })
        assert keys_of(answer['Responses']['Batch']) == [1, 2]
        assert answer['Responses']['Other'] == [{'name': 'X'}]
    assert resource.batch_get_item(RequestItems={'Other': {'Keys': [{'id': 'none'}]}})['Responses'] == {'Other': []}


def test_get_capacity_is_per_item(resource, table):
    fill(table, 3)
    for _ in range(2):
        answer = resource.batch_get_item(
            RequestItems={'Batch': {'Keys': [key(n) for n in range(4)]}}, ReturnConsumedCapacity='TOTAL')
        assert answer['ConsumedCapacity'] == [{'TableName': 'Batch', 'CapacityUnits': 2.0}]


def test_get_limits(resource, table, refused):
    refused(
        VE, 'Provided list of item keys contains duplicates',
        resource.batch_get_item, RequestItems={'Batch': {'Keys': [key(1), key(2), key(1)]}})
    refused(
        VE, 'The provided key element does not match the schema',
        resource.batch_get_item, RequestItems={'Batch': {'Keys': [{'pk': 'p'}]}})
    refused(
        'ResourceNotFoundException', 'Requested resource not found',
        resource.batch_get_item, RequestItems={'Nowhere': {'Keys': [key(1)]}})
    refused(
        VE,
        "1 validation error detected: Value at 'RequestItems.Batch.member.Keys' failed to satisfy constraint: "
        'Member must have length less than or equal to 100',
        resource.batch_get_item, RequestItems={'Batch': {'Keys': [key(n) for n in range(101)]}})


def test_get_stops_at_16_mb(resource, table):
    for n in range(50):
        table.put_item(Item=dict(key(n), text='x' * 390000))
    want = [key(n) for n in range(50)]
    for _ in range(2):
        got, ask, calls = [], {'Batch': {'Keys': want}}, 0
        while ask:
            answer = resource.batch_get_item(RequestItems=ask)
            got += keys_of(answer['Responses']['Batch'])
            ask = answer['UnprocessedKeys']
            calls += 1
        assert sorted(got) == list(range(50))
        assert calls == 2


def test_write_puts_and_deletes(resource, table, other):
    fill(table, 5)
    assert keys_of(table.scan()['Items']) == [0, 1, 2, 3, 4]
    answer = resource.batch_write_item(RequestItems={
        'Batch': [
            {'DeleteRequest': {'Key': key(0)}}, {'PutRequest': {'Item': key(9)}},
            {'PutRequest': {'Item': dict(key(1), n='new')}}, {'DeleteRequest': {'Key': key(77)}}],
        'Other': [{'PutRequest': {'Item': {'id': 'x'}}}],
    })
    assert answer['UnprocessedItems'] == {}
    assert keys_of(table.scan()['Items']) == [1, 2, 3, 4, 9]
    assert table.get_item(Key=key(1))['Item']['n'] == 'new'
    assert 'Item' not in table.get_item(Key=key(0))
    assert other.get_item(Key={'id': 'x'})['Item'] == {'id': 'x'}


def test_a_bad_element_refuses_the_whole_batch(resource, table, refused):
    # PutItem says "Missing the key sk in the item"; within a batch it is the text for keys.
    refused(
        VE, 'The provided key element does not match the schema',
        resource.batch_write_item, RequestItems={'Batch': [
            {'PutRequest': {'Item': key(1)}}, {'PutRequest': {'Item': {'pk': 'p'}}}]})
    refused(
        VE, 'Provided list of item keys contains duplicates',
        resource.batch_write_item, RequestItems={'Batch': [
            {'PutRequest': {'Item': key(1)}}, {'DeleteRequest': {'Key': key(1)}}]})
    assert table.scan()['Items'] == []


def test_the_batch_writer(table):
    with table.batch_writer(overwrite_by_pkeys=['pk', 'sk']) as batch:
        for n in range(80):
            batch.put_item(Item=dict(key(n % 60), n=n))
        batch.delete_item(Key=key(59))
    items = table.scan()['Items']
    assert keys_of(items) == list(range(59))
    assert {int(i['n']) for i in items if i['sk'] < 20} == set(range(60, 80))
