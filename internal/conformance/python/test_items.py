"""PutItem, GetItem, UpdateItem and DeleteItem: values of every type, conditions, return values, capacity."""

from decimal import Decimal

import pytest
from boto3.dynamodb.conditions import Attr
from boto3.dynamodb.types import Binary

CONDITION_FAILED = ('ConditionalCheckFailedException', 'The conditional request failed')


@pytest.fixture
def table(make_table):
    return make_table('Items', 'pk:S', 'sk:N')


def key(pk='p', sk=1):
    return {'pk': pk, 'sk': sk}


def every_type():
    return {
        'pk': 'p', 'sk': 1,
        'text': 'héllo \u0000 "quoted" \U0001f600', 'empty': '', 'number': Decimal('-1234567890.5'),
        'big': Decimal('12345678901234567890123456789012345678'), 'tiny': Decimal('1E-130'),
        'bytes': Binary(b'\x00\xff\x80'), 'yes': True, 'no': False, 'nothing': None,
        'words': {'a', 'b'}, 'numbers': {Decimal(1), Decimal('2.5')}, 'blobs': {Binary(b'x'), Binary(b'y')},
        'list': [1, 'two', [Decimal('3.5')], {'four': None}], 'map': {'a': {'b': [True, {}]}, 'dotted.name': 1},
        'none in here': [], 'nor here': {},
    }


def test_every_type_comes_back_as_it_went(table):
    table.put_item(Item=every_type())
    for _ in range(3):
        assert table.get_item(Key=key())['Item'] == every_type()
    assert table.get_item(Key=key(), ConsistentRead=True)['Item'] == every_type()


def test_numbers_are_normalised(client, table):
    for given, shown in (('1e3', '1000'), ('-0', '0'), ('00012.500', '12.5'), ('1.5E2', '150'), ('.5', '0.5')):
        client.put_item(TableName='Items', Item={'pk': {'S': 'p'}, 'sk': {'N': '1'}, 'n': {'N': given}})
        for _ in range(2):
            got = client.get_item(TableName='Items', Key={'pk': {'S': 'p'}, 'sk': {'N': '1.0'}})['Item']
            assert got == {'pk': {'S': 'p'}, 'sk': {'N': '1'}, 'n': {'N': shown}}


def test_a_missing_item_has_no_item_member(table):
    for _ in range(3):
        assert 'Item' not in table.get_item(Key=key())
    table.put_item(Item=key())
    assert table.get_item(Key=key())['Item'] == key()
    table.delete_item(Key=key())
    for _ in range(2):
        assert 'Item' not in table.get_item(Key=key())


def test_every_write_is_seen_by_the_next_read(table):
    for n in range(20):
        table.put_item(Item=dict(key(), n=n))
        assert table.get_item(Key=key())['Item']['n'] == n
        assert table.get_item(Key=key())['Item']['n'] == n
        table.update_item(Key=key(), UpdateExpression='SET n = n + :h', ExpressionAttributeValues={':h': 1000})
        assert table.get_item(Key=key())['Item']['n'] == n + 1000
        if n % 3 == 0:
            table.delete_item(Key=key())
            assert 'Item' not in table.get_item(Key=key())


def test_put_replaces_the_whole_item(table):
    table.put_item(Item=dict(key(), a=1, b=2))
    answer = table.put_item(Item=dict(key(), c=3), ReturnValues='ALL_OLD')
    assert answer['Attributes'] == dict(key(), a=1, b=2)
    assert table.get_item(Key=key())['Item'] == dict(key(), c=3)


def test_return_values_of_update(table):
    table.put_item(Item=dict(key(), a=1, b=2))

    def f(return_values, want):
        answer = table.update_item(
            Key=key(), UpdateExpression='SET a = a + :one REMOVE b', ExpressionAttributeValues={':one': 1},
            ReturnValues=return_values)
        assert answer.get('Attributes') == want, return_values
        table.put_item(Item=dict(key(), a=1, b=2))

    f('NONE', None)
    f('ALL_OLD', dict(key(), a=1, b=2))
    f('ALL_NEW', dict(key(), a=2))
    f('UPDATED_OLD', {'a': 1, 'b': 2})
    f('UPDATED_NEW', {'a': 2})


def test_return_values_of_delete(table):
    assert 'Attributes' not in table.delete_item(Key=key(), ReturnValues='ALL_OLD')
    table.put_item(Item=dict(key(), a=1))
    assert table.delete_item(Key=key(), ReturnValues='ALL_OLD')['Attributes'] == dict(key(), a=1)
    assert 'Attributes' not in table.delete_item(Key=key(), ReturnValues='ALL_OLD')


def test_update_functions_and_clauses(table):
    table.put_item(Item=dict(key(), list=[1, 2, 3], words={'a', 'b'}, count=1, m={'x': {'y': 1}}))
    answer = table.update_item(
        Key=key(),
        UpdateExpression=(
            'SET m.x.y = if_not_exists(m.x.z, :seven), joined = list_append(#l, :more) '
            'REMOVE #l[0] ADD #c :ten DELETE words :a'),
        ExpressionAttributeNames={'#l': 'list', '#c': 'count'},
        ExpressionAttributeValues={':more': [4], ':seven': 7, ':ten': 10, ':a': {'a'}},
        ReturnValues='ALL_NEW',
    )
    want = dict(key(), list=[2, 3], joined=[1, 2, 3, 4], words={'b'}, count=11, m={'x': {'y': 7}})
    assert answer['Attributes'] == want
    assert table.get_item(Key=key())['Item'] == want


def test_conditions_hold_or_fail(table, refused):
    table.put_item(Item=dict(key(), a=1), ConditionExpression=Attr('pk').not_exists())
    refused(*CONDITION_FAILED, table.put_item, Item=dict(key(), a=2), ConditionExpression='attribute_not_exists(pk)')
    assert table.get_item(Key=key())['Item']['a'] == 1
    table.update_item(
        Key=key(), UpdateExpression='SET a = :two', ConditionExpression=Attr('a').eq(1),
        ExpressionAttributeValues={':two': 2})
    refused(
        *CONDITION_FAILED, table.update_item, Key=key(), UpdateExpression='SET a = :three',
        ConditionExpression=Attr('a').lt(2) | Attr('b').exists(), ExpressionAttributeValues={':three': 3})
    assert table.get_item(Key=key())['Item']['a'] == 2
    refused(*CONDITION_FAILED, table.delete_item, Key=key(), ConditionExpression=Attr('a').between(5, 9))
    table.delete_item(Key=key(), ConditionExpression=Attr('a').is_in([1, 2]) & Attr('sk').attribute_type('N'))
    assert 'Item' not in table.get_item(Key=key())


def test_a_failed_condition_on_a_missing_item_makes_none(table, refused):
    refused(
        *CONDITION_FAILED, table.update_item, Key=key(), UpdateExpression='SET a = :a',
        ConditionExpression='attribute_exists(pk)', ExpressionAttributeValues={':a': 1})
    assert 'Item' not in table.get_item(Key=key())


def test_projection_of_cached_and_uncached_items(table):
    table.put_item(Item=dict(key(), a=1, list=[1, 2, 3], m={'x': {'y': 1, 'z': 2}}))

    def f(expression, names, want):
        args = {'ExpressionAttributeNames': names} if names else {}
        for _ in range(2):
            assert table.get_item(Key=key(), ProjectionExpression=expression, **args)['Item'] == want

    f('a', None, {'a': 1})
    f('m.x.y, #l[2], #l[0]', {'#l': 'list'}, {'m': {'x': {'y': 1}}, 'list': [1, 3]})
    f('pk, nowhere', None, {'pk': 'p'})
    f('nowhere', None, {})
    assert table.get_item(Key=key())['Item']['m'] == {'x': {'y': 1, 'z': 2}}


def test_consumed_capacity(table):
    table.put_item(Item=dict(key(), text='x' * 5000))

    def units(**args):
        answer = table.get_item(Key=args.pop('Key', key()), ReturnConsumedCapacity='TOTAL', **args)
        return answer['ConsumedCapacity']

    for _ in range(2):
        assert units() == {'TableName': 'Items', 'CapacityUnits': 1.0}
        assert units(ConsistentRead=True) == {'TableName': 'Items', 'CapacityUnits': 2.0}
        assert units(ProjectionExpression='pk') == {'TableName': 'Items', 'CapacityUnits': 1.0}
        assert units(Key=key('none')) == {'TableName': 'Items', 'CapacityUnits': 0.5}
        assert 'ConsumedCapacity' not in table.get_item(Key=key())
    put = table.put_item(Item=dict(key(), text='x' * 100), ReturnConsumedCapacity='INDEXES')
    assert put['ConsumedCapacity'] == {
        'TableName': 'Items', 'CapacityUnits': 5.0, 'Table': {'CapacityUnits': 5.0}}


def test_an_item_may_have_400_kib_and_no_more(table, refused):
    room = 400 * 1024 - len('pk' + 'p' + 'sk' + 'text') - 2
    table.put_item(Item=dict(key(), text='x' * room))
    assert len(table.get_item(Key=key())['Item']['text']) == room
    assert len(table.get_item(Key=key())['Item']['text']) == room
    refused(
        'ValidationException', 'Item size has exceeded the maximum allowed size',
        table.put_item, Item=dict(key(), text='x' * (room + 1)))
    refused(
        'ValidationException', 'Item size to update has exceeded the maximum allowed size',
        table.update_item, Key=key(), UpdateExpression='SET t = :t', ExpressionAttributeValues={':t': 'y'})
