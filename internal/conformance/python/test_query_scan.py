"""Query, Scan and their paginators."""

import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

VE = 'ValidationException'


@pytest.fixture
def table(make_table):
    table = make_table('Pages', 'pk:S', 'sk:N')
    with table.batch_writer() as batch:
        for pk in 'abc':
            for sk in range(-5, 25):
                batch.put_item(Item={'pk': pk, 'sk': sk, 'even': sk % 2 == 0, 'text': 't%d' % sk})
    return table


def sks(response):
    return [int(i['sk']) for i in response['Items']]


def test_key_conditions(table):
    def f(condition, want):
        for _ in range(2):
            response = table.query(KeyConditionExpression=Key('pk').eq('b') & condition)
            assert sks(response) == want
            assert response['Count'] == response['ScannedCount'] == len(want)
            assert 'LastEvaluatedKey' not in response

    f(Key('sk').eq(3), [3])
    f(Key('sk').lt(-3), [-5, -4])
    f(Key('sk').lte(-3), [-5, -4, -3])
    f(Key('sk').gt(22), [23, 24])
    f(Key('sk').gte(22), [22, 23, 24])
    f(Key('sk').between(-1, 2), [-1, 0, 1, 2])
    f(Key('sk').eq(99), [])


def test_begins_with_on_a_string_sort_key(make_table):
    table = make_table('Texts', 'pk:S', 'sk:S')
    for sk in ('a', 'ab', 'abc', 'abd', 'ac', 'b', 'é', 'éa'):
        table.put_item(Item={'pk': 'p', 'sk': sk})

    def f(prefix, want):
        response = table.query(KeyConditionExpression=Key('pk').eq('p') & Key('sk').begins_with(prefix))
        assert [i['sk'] for i in response['Items']] == want

    f('ab', ['ab', 'abc', 'abd'])
    f('é', ['é', 'éa'])
    f('x', [])


def test_two_spellings_of_one_query_agree(client, table):
    def ask(**args):
        return [i['sk']['N'] for i in client.query(TableName='Pages', **args)['Items']]

    want = [str(n) for n in range(20, 25)]
    for _ in range(2):
        assert ask(
            KeyConditionExpression='pk = :p AND sk >= :s',
            ExpressionAttributeValues={':p': {'S': 'a'}, ':s': {'N': '20'}}) == want
        assert ask(
            KeyConditionExpression='(#x >= :y) and (#k = :z)', ExpressionAttributeNames={'#k': 'pk', '#x': 'sk'},
            ExpressionAttributeValues={':z': {'S': 'a'}, ':y': {'N': '20.0'}}) == want


def test_limit_and_start_key(table):
    got, start, pages = [], {}, 0
    while True:
        response = table.query(KeyConditionExpression=Key('pk').eq('a'), Limit=7, **start)
        got += sks(response)
        pages += 1
        if 'LastEvaluatedKey' not in response:
            break
        assert response['LastEvaluatedKey'] == {'pk': 'a', 'sk': got[-1]}
        start = {'ExclusiveStartKey': response['LastEvaluatedKey']}
    assert got == list(range(-5, 25))
    assert pages == 5


def test_a_limit_reached_exactly_at_the_end_still_gives_a_key(table):
    response = table.query(KeyConditionExpression=Key('pk').eq('a'), Limit=30)
    assert response['LastEvaluatedKey'] == {'pk': 'a', 'sk': 24}
    response = table.query(
        KeyConditionExpression=Key('pk').eq('a'), ExclusiveStartKey=response['LastEvaluatedKey'])
    assert response['Items'] == [] and 'LastEvaluatedKey' not in response


def test_backwards(table):
    response = table.query(KeyConditionExpression=Key('pk').eq('a'), ScanIndexForward=False, Limit=3)
    assert sks(response) == [24, 23, 22]
    response = table.query(
        KeyConditionExpression=Key('pk').eq('a'), ScanIndexForward=False, Limit=3,
        ExclusiveStartKey=response['LastEvaluatedKey'])
    assert sks(response) == [21, 20, 19]


def test_a_filter_works_after_the_limit(table):
    response = table.query(
        KeyConditionExpression=Key('pk').eq('a'), FilterExpression=Attr('even').eq(True), Limit=5,
        ProjectionExpression='sk')
    assert (response['Count'], response['ScannedCount']) == (2, 5)
    assert response['Items'] == [{'sk': -4}, {'sk': -2}]


def test_select(table):
    response = table.query(KeyConditionExpression=Key('pk').eq('a'), Select='COUNT')
    assert (response['Count'], response['ScannedCount']) == (30, 30) and 'Items' not in response
    with pytest.raises(ClientError) as caught:
        table.query(
            KeyConditionExpression=Key('pk').eq('a'), Select='ALL_ATTRIBUTES', ProjectionExpression='sk')
    # In some regions "1 validation error detected: " stands before it.
    assert caught.value.response['Error']['Message'].endswith(
        'Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES')


def test_query_errors(table, refused):
    refused(
        VE, 'Query condition missed key schema element: pk',
        table.query, KeyConditionExpression=Key('sk').eq(1))
    refused(
        VE, 'Query key condition not supported', table.query, KeyConditionExpression=Key('pk').gt('a'))
    refused(
        VE,
        'One or more parameter values were invalid: Condition parameter type does not match schema type',
        table.query, KeyConditionExpression=Key('pk').eq(1))
    refused(
        VE, 'Filter Expression can only contain non-primary key attributes: Primary key attribute: sk',
        table.query, KeyConditionExpression=Key('pk').eq('a'), FilterExpression=Attr('sk').eq(1))
    refused(
        VE, 'The table does not have the specified index: none',
        table.query, IndexName='none', KeyConditionExpression=Key('pk').eq('a'))
    refused(
        VE, 'The provided starting key is outside query boundaries based on provided conditions',
        table.query, KeyConditionExpression=Key('pk').eq('a'), ExclusiveStartKey={'pk': 'b', 'sk': 1})


def test_scan_gives_everything_partition_by_partition(table):
    items = table.scan()['Items']
    assert len(items) == 90
    for pk in 'abc':
        assert [int(i['sk']) for i in items if i['pk'] == pk] == list(range(-5, 25))
    assert table.scan()['Items'] == items


def test_scan_sees_every_write(table):
    assert table.scan(Select='COUNT')['Count'] == 90
    table.put_item(Item={'pk': 'd', 'sk': 1})
    assert table.scan(Select='COUNT')['Count'] == 91
    table.delete_item(Key={'pk': 'a', 'sk': 0})
    assert table.scan(Select='COUNT')['Count'] == 90
    assert table.scan(FilterExpression=Attr('sk').eq(0), Select='COUNT')['Count'] == 2


def test_segments_are_disjoint_and_complete(table):
    got = []
    for segment in range(4):
        start = {}
        while True:
            response = table.scan(Segment=segment, TotalSegments=4, Limit=11, **start)
            got += [(i['pk'], int(i['sk'])) for i in response['Items']]
            if 'LastEvaluatedKey' not in response:
                break
            start = {'ExclusiveStartKey': response['LastEvaluatedKey']}
    assert sorted(got) == [(pk, sk) for pk in 'abc' for sk in range(-5, 25)]


def test_paginators(client, table):
    pages = list(client.get_paginator('query').paginate(
        TableName='Pages', KeyConditionExpression='pk = :p', ExpressionAttributeValues={':p': {'S': 'c'}},
        PaginationConfig={'PageSize': 8}))
    assert [p['Count'] for p in pages] == [8, 8, 8, 6]
    assert [int(i['sk']['N']) for p in pages for i in p['Items']] == list(range(-5, 25))
    scanned = client.get_paginator('scan').paginate(TableName='Pages', PaginationConfig={'PageSize': 13})
    assert scanned.build_full_result()['Count'] == 90
    names = client.get_paginator('list_tables').paginate(PaginationConfig={'PageSize': 1})
    assert [n for p in names for n in p['TableNames']] == ['Pages']


def test_a_page_ends_at_one_megabyte(make_table):
    table = make_table('Wide', 'pk:S', 'sk:N')
    for sk in range(30):
        table.put_item(Item={'pk': 'p', 'sk': sk, 'text': 'x' * 100000})
    for _ in range(2):
        first = table.query(KeyConditionExpression=Key('pk').eq('p'))
        assert sks(first) == list(range(11))
        assert first['LastEvaluatedKey'] == {'pk': 'p', 'sk': 10}
        second = table.query(
            KeyConditionExpression=Key('pk').eq('p'), ExclusiveStartKey=first['LastEvaluatedKey'])
        assert sks(second) == list(range(11, 22))


def test_capacity_of_a_query_is_rounded_once(table):
    def units(**args):
        response = table.query(
            KeyConditionExpression=Key('pk').eq('a'), ReturnConsumedCapacity='INDEXES', **args)
        return response['ConsumedCapacity']

    for _ in range(2):
        assert units() == {'TableName': 'Pages', 'CapacityUnits': 0.5, 'Table': {'CapacityUnits': 0.5}}
        assert units(ConsistentRead=True)['CapacityUnits'] == 1.0
        assert units(Select='COUNT')['CapacityUnits'] == 0.5


def test_writes_inside_and_outside_the_range_of_a_page(table):
    def low():
        return sks(table.query(KeyConditionExpression=Key('pk').eq('a') & Key('sk').lt(0)))

    def top(n):
        return sks(table.query(KeyConditionExpression=Key('pk').eq('a'), ScanIndexForward=False, Limit=n))

    assert low() == [-5, -4, -3, -2, -1] and top(2) == [24, 23]
    table.put_item(Item={'pk': 'a', 'sk': 50})
    assert low() == [-5, -4, -3, -2, -1] and top(2) == [50, 24]
    table.put_item(Item={'pk': 'a', 'sk': -9})
    assert low() == [-9, -5, -4, -3, -2, -1] and top(2) == [50, 24]
    table.delete_item(Key={'pk': 'a', 'sk': -3})
    assert low() == [-9, -5, -4, -2, -1] and top(2) == [50, 24]
