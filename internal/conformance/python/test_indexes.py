"""Global and local secondary indexes: projections, sparse entries, ties, and what a write does to index pages."""

import pytest
from boto3.dynamodb.conditions import Attr, Key

VE = 'ValidationException'


@pytest.fixture
def table(make_table):
    return make_table('Indexed', 'pk:S', 'sk:N', gsis=[
        ('all', 'g:S', 'r:N'),
        ('keys', 'g:S', None, {'ProjectionType': 'KEYS_ONLY'}),
        ('some', 'g:S', None, {'ProjectionType': 'INCLUDE', 'NonKeyAttributes': ['a']}),
    ], lsis=[
        ('local', 'pk:S', 'r:N', {'ProjectionType': 'KEYS_ONLY'}),
    ])


def item(n, **more):
    return dict({'pk': 'p%d' % (n % 2), 'sk': n, 'g': 'g%d' % (n % 3), 'r': 100 - n, 'a': 'a%d' % n, 'b': n}, **more)


def fill(table, count=12):
    made = [item(n) for n in range(count)]
    with table.batch_writer() as batch:
        for i in made:
            batch.put_item(Item=i)
    return made


def by_key(items):
    return sorted(items, key=lambda i: (i['pk'], i['sk']))


def group(table, index, g='g0', **args):
    return table.query(IndexName=index, KeyConditionExpression=Key('g').eq(g), **args)


def test_projections(table):
    made = [i for i in fill(table) if i['g'] == 'g0']
    assert group(table, 'all')['Items'] == sorted(made, key=lambda i: i['r'])
    assert by_key(group(table, 'keys')['Items']) == by_key(
        {'pk': i['pk'], 'sk': i['sk'], 'g': i['g']} for i in made)
    assert by_key(group(table, 'some')['Items']) == by_key(
        {'pk': i['pk'], 'sk': i['sk'], 'g': i['g'], 'a': i['a']} for i in made)


def test_a_local_index_orders_and_fetches(table):
    made = [i for i in fill(table) if i['pk'] == 'p1']
    condition = Key('pk').eq('p1') & Key('r').between(90, 97)
    want = sorted((i for i in made if 90 <= i['r'] <= 97), key=lambda i: i['r'])
    for consistent in (False, True, False):
        got = table.query(IndexName='local', KeyConditionExpression=condition, ConsistentRead=consistent)['Items']
        assert got == [{'pk': i['pk'], 'sk': i['sk'], 'r': i['r']} for i in want]
        whole = table.query(
            IndexName='local', KeyConditionExpression=condition, ConsistentRead=consistent, Select='ALL_ATTRIBUTES')
        assert whole['Items'] == want


def test_every_write_moves_the_index_entry(table):
    def see():
        return (
            [int(i['sk']) for i in group(table, 'all')['Items']],
            [int(i['sk']) for i in group(table, 'keys', 'g1')['Items']],
            [int(i['sk']) for i in table.query(
                IndexName='local', KeyConditionExpression=Key('pk').eq('p0'))['Items']])

    assert see() == ([], [], [])
    table.put_item(Item=item(0))
    assert see() == ([0], [], [0])
    table.put_item(Item=item(6))
    assert see() == ([6, 0], [], [6, 0])
    table.update_item(
        Key={'pk': 'p0', 'sk': 0}, UpdateExpression='SET g = :g', ExpressionAttributeValues={':g': 'g1'})
    assert see() == ([6], [0], [6, 0])
    table.update_item(
        Key={'pk': 'p0', 'sk': 6}, UpdateExpression='SET r = :r', ExpressionAttributeValues={':r': 1000})
    assert see() == ([6], [0], [0, 6])
    table.update_item(Key={'pk': 'p0', 'sk': 6}, UpdateExpression='REMOVE r')
    assert see() == ([], [0], [0])
    table.put_item(Item={'pk': 'p0', 'sk': 0, 'r': 5})
    assert see() == ([], [], [0])
    table.delete_item(Key={'pk': 'p0', 'sk': 0})
    assert see() == ([], [], [])


def test_an_attribute_outside_the_key_changes_the_projection_only(table):
    table.put_item(Item=item(0))
    assert group(table, 'some')['Items'][0]['a'] == 'a0'
    table.update_item(
        Key={'pk': 'p0', 'sk': 0}, UpdateExpression='SET a = :a', ExpressionAttributeValues={':a': 'new'})
    assert group(table, 'some')['Items'][0]['a'] == 'new'
    assert group(table, 'all')['Items'][0]['a'] == 'new'


def test_pages_go_on_inside_a_tie(table):
    for n in range(10):
        table.put_item(Item={'pk': 'q%d' % n, 'sk': n, 'g': 'same', 'r': 7})
    got, start = [], {}
    while True:
        response = group(table, 'all', 'same', Limit=3, **start)
        got += [int(i['sk']) for i in response['Items']]
        if 'LastEvaluatedKey' not in response:
            break
        assert set(response['LastEvaluatedKey']) == {'pk', 'sk', 'g', 'r'}
        start = {'ExclusiveStartKey': response['LastEvaluatedKey']}
    assert sorted(got) == list(range(10))


def test_index_scan_holds_only_what_is_indexed(table):
    fill(table)
    table.put_item(Item={'pk': 'p0', 'sk': 99})
    assert table.scan(IndexName='keys', Select='COUNT')['Count'] == 12
    assert table.scan(Select='COUNT')['Count'] == 13
    assert table.scan(IndexName='all', FilterExpression=Attr('b').lt(3), Select='COUNT')['Count'] == 3


def test_what_a_global_index_refuses(table, refused):
    refused(
        VE, 'Consistent reads are not supported on global secondary indexes',
        group, table, 'all', ConsistentRead=True)
    refused(
        VE,
        'One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global '
        'secondary index keys because its projection type is not ALL',
        group, table, 'keys', Select='ALL_ATTRIBUTES')


def test_index_keys_have_their_type(make_table, refused):
    table = make_table('IndexTypes', 'pk:S', gsis=[('gsi', 'g:N', None)])
    refused(
        VE,
        'One or more parameter values were invalid: Type mismatch for Index Key g Expected: N Actual: S '
        'IndexName: gsi',
        table.put_item, Item={'pk': 'p', 'g': 'text'})
    assert table.scan()['Items'] == []


def test_capacity_of_writes_counts_the_indexes(table):
    answer = table.put_item(Item=item(0), ReturnConsumedCapacity='INDEXES')['ConsumedCapacity']
    assert answer == {
        'TableName': 'Indexed', 'CapacityUnits': 5.0, 'Table': {'CapacityUnits': 1.0},
        'GlobalSecondaryIndexes': {n: {'CapacityUnits': 1.0} for n in ('all', 'keys', 'some')},
        'LocalSecondaryIndexes': {'local': {'CapacityUnits': 1.0}},
    }


def test_item_collection_metrics(table):
    answer = table.put_item(Item=item(0), ReturnItemCollectionMetrics='SIZE')['ItemCollectionMetrics']
    assert answer['ItemCollectionKey'] == {'pk': 'p0'}
    low, high = answer['SizeEstimateRangeGB']
    assert 0 <= low <= high
