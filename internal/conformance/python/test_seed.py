"""The seed guide's examples with real boto3: every outcome is the one that DynamoDB gives.

Three calls cannot succeed on DynamoDB as the guide writes them, and two pass a float, which boto3 refuses. For
those the exact error is asserted, and then the nearest legal form is run. docs/SEED.md says which and why.
"""

import time
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from boto3.dynamodb.conditions import Attr, Key

import seed
from transcript import transcript

FLOAT_REFUSED = 'Float types are not supported. Use Decimal types instead.'


@pytest.fixture
def users(make_table):
    return make_table('Users', 'user_id:S')


@pytest.fixture
def orders(make_table):
    return make_table('Orders', 'customer_id:S', 'order_date:S')


@pytest.fixture
def products(make_table):
    return make_table('Products', 'product_id:S', gsis=[
        ('category-index', 'category:S', None),
        ('price-index', 'category:S', 'price:N'),
    ])


@pytest.fixture
def sessions(make_table):
    return make_table('UserSessions', 'session_id:S')


def ada():
    return {
        'user_id': 'u1', 'email': 'ada@example.com', 'name': 'Ada',
        'created_at': '2024-01-01T00:00:00Z', 'status': 'active',
    }


# Basic Operations with boto3

def test_create_user_gives_no_attributes_for_a_new_item(users):
    answer = seed.create_user('u1', 'ada@example.com', 'Ada')
    assert 'Attributes' not in answer
    assert answer['ResponseMetadata']['HTTPStatusCode'] == 200


def test_create_user_again_gives_the_item_it_replaced(users):
    seed.create_user('u1', 'old@example.com', 'Old')
    answer = seed.create_user('u1', 'ada@example.com', 'Ada')
    assert answer['Attributes'] == dict(ada(), email='old@example.com', name='Old')
    assert seed.get_user('u1') == ada()


def test_get_user_gives_the_item_or_none(users):
    assert seed.get_user('u1') is None
    seed.create_user('u1', 'ada@example.com', 'Ada')
    assert seed.get_user('u1') == ada()
    assert seed.get_user('u1') == ada()
    assert seed.get_user('u2') is None


def test_update_user_status_gives_all_new_attributes(users):
    seed.create_user('u1', 'ada@example.com', 'Ada')
    assert seed.get_user('u1')['status'] == 'active'
    answer = seed.update_user_status('u1', 'inactive')
    after = dict(ada(), status='inactive', updated_at='2024-01-01T00:00:00Z')
    assert answer['Attributes'] == after
    assert seed.get_user('u1') == after


def test_update_user_status_creates_a_missing_user(users):
    answer = seed.update_user_status('u9', 'active')
    assert answer['Attributes'] == {
        'user_id': 'u9', 'status': 'active', 'updated_at': '2024-01-01T00:00:00Z'}


def test_basic_operations_without_the_table(refused):
    for call in (
        lambda: seed.create_user('u1', 'a', 'b'), lambda: seed.get_user('u1'),
        lambda: seed.update_user_status('u1', 'active'),
    ):
        refused('ResourceNotFoundException', 'Requested resource not found', call)


# Query and Scan Operations

def put_orders(table, customer, count):
    made = [
        {'customer_id': customer, 'order_date': '2024-%02d-%02d' % (1 + i // 28, 1 + i % 28), 'n': i}
        for i in range(count)]
    with table.batch_writer() as batch:
        for order in made:
            batch.put_item(Item=order)
    return made


def test_get_customer_orders_gives_the_newest_first(orders):
    made = put_orders(orders, 'c1', 30)
    put_orders(orders, 'c2', 3)
    assert seed.get_customer_orders('c1') == made[:9:-1]
    assert seed.get_customer_orders('c1', limit=3) == made[:-4:-1]
    assert seed.get_customer_orders('c2') == put_orders(orders, 'c2', 3)[::-1]
    assert seed.get_customer_orders('nobody') == []


def test_get_customer_orders_shows_an_order_just_put(orders):
    put_orders(orders, 'c1', 5)
    before = seed.get_customer_orders('c1', limit=3)
    newest = {'customer_id': 'c1', 'order_date': '2025-01-01', 'n': 100}
    orders.put_item(Item=newest)
    assert seed.get_customer_orders('c1', limit=3) == [newest] + before[:2]
    orders.delete_item(Key={'customer_id': 'c1', 'order_date': '2025-01-01'})
    assert seed.get_customer_orders('c1', limit=3) == before


def test_get_orders_by_date_range_includes_both_ends(orders):
    made = put_orders(orders, 'c1', 40)
    inside = [o for o in made if '2024-01-10' <= o['order_date'] <= '2024-02-03']
    assert seed.get_orders_by_date_range('c1', '2024-01-10', '2024-02-03') == inside
    assert seed.get_orders_by_date_range('c1', '2025-01-01', '2025-12-31') == []


def test_get_orders_by_date_range_refuses_a_range_upside_down(orders, refused):
    refused(
        'ValidationException',
        'Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to '
        'lower bound; lower bound operand: AttributeValue: {S:2024-02-01}, upper bound operand: '
        'AttributeValue: {S:2024-01-01}',
        seed.get_orders_by_date_range, 'c1', '2024-02-01', '2024-01-01')


def put_users_with_months(users):
    for i in range(8):
        users.put_item(Item={
            'user_id': 'u%d' % i, 'email': 'u%d@example.com' % i, 'name': 'User %d' % i,
            'status': 'active' if i % 2 else 'closed', 'registration_month': '2024-01' if i < 6 else '2024-02',
        })


def test_find_active_users_by_registration_names_a_reserved_word(users, refused):
    put_users_with_months(users)
    refused(
        'ValidationException',
        'Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: name',
        seed.find_active_users_by_registration, '2024-01')


def test_find_active_users_by_registration_nearest_legal_form(users):
    put_users_with_months(users)
    response = users.scan(
        FilterExpression=(
            Attr('status').eq('active') &
            Attr('registration_month').eq('2024-01')
        ),
        ProjectionExpression='user_id, email, #name',
        ExpressionAttributeNames={'#name': 'name'},
    )
    assert sorted(response['Items'], key=lambda i: i['user_id']) == [
        {'user_id': 'u%d' % i, 'email': 'u%d@example.com' % i, 'name': 'User %d' % i} for i in (1, 3, 5)]
    assert (response['Count'], response['ScannedCount']) == (3, 8)


# Global Secondary Index Operations

def put_products(table):
    made = [
        {'product_id': 'p%d' % i, 'category': 'book' if i % 2 else 'tea', 'price': Decimal(i) + Decimal('0.99')}
        for i in range(10)]
    for product in made:
        table.put_item(Item=product)
    return made


def by_id(items):
    return sorted(items, key=lambda i: i['product_id'])


def test_find_products_by_category_reads_the_index(products):
    made = put_products(products)
    assert by_id(seed.find_products_by_category('book')) == [p for p in made if p['category'] == 'book']
    assert seed.find_products_by_category('none') == []


def test_find_products_by_category_follows_a_product_that_moves(products):
    put_products(products)
    assert len(seed.find_products_by_category('book')) == 5
    products.update_item(
        Key={'product_id': 'p1'}, UpdateExpression='SET category = :c', ExpressionAttributeValues={':c': 'tea'})
    assert 'p1' not in [p['product_id'] for p in seed.find_products_by_category('book')]
    assert 'p1' in [p['product_id'] for p in seed.find_products_by_category('tea')]
    products.update_item(Key={'product_id': 'p1'}, UpdateExpression='REMOVE category')
    assert 'p1' not in [p['product_id'] for p in seed.find_products_by_category('tea')]


def test_find_products_by_price_range_with_floats_is_refused_by_boto3(products):
    put_products(products)
    with pytest.raises(TypeError) as caught:
        seed.find_products_by_price_range(1.5, 6.5)
    assert str(caught.value) == FLOAT_REFUSED


def test_find_products_by_price_range_lacks_the_index_partition_key(products, refused):
    put_products(products)
    refused(
        'ValidationException', 'Query condition missed key schema element: category',
        seed.find_products_by_price_range, Decimal('1.5'), Decimal('6.5'))
    # Assumed: the key condition is looked at before the filter, which names a key attribute of the index.
    refused(
        'ValidationException', 'Query condition missed key schema element: category',
        seed.find_products_by_price_range, Decimal('1.5'), Decimal('6.5'), 'book')


def test_find_products_by_price_range_with_price_as_partition_key(make_table, refused):
    make_table('Products', 'product_id:S', gsis=[('price-index', 'price:N', None)])
    refused(
        'ValidationException', 'Query key condition not supported',
        seed.find_products_by_price_range, Decimal('1.5'), Decimal('6.5'))
    refused(
        'ValidationException', 'Query key condition not supported',
        seed.find_products_by_price_range, Decimal('1.5'), Decimal('6.5'), 'book')


def test_find_products_by_price_range_nearest_legal_form_with_category(products):
    made = put_products(products)
    response = products.query(
        IndexName='price-index',
        KeyConditionExpression=(
            Key('category').eq('book') &
            Key('price').between(Decimal('1.5'), Decimal('6.5'))
        ),
    )
    assert response['Items'] == [made[1], made[3], made[5]]


def test_find_products_by_price_range_nearest_legal_form_without_category(products):
    made = put_products(products)
    response = products.scan(
        IndexName='price-index',
        FilterExpression=Attr('price').between(Decimal('1.5'), Decimal('6.5')),
    )
    assert by_id(response['Items']) == made[1:6]


# Batch Operations and TTL

def some_sessions(count):
    return [
        {'id': 's%02d' % i, 'user_id': 'u%d' % (i % 3), 'expires': 1000 + i, 'data': {'step': i}}
        for i in range(count)]


def legal_batch_create_sessions(sessions):
    """batch_create_sessions with the one word changed: batch_write_item belongs to the resource."""
    try:
        response = seed.dynamodb.batch_write_item(
            RequestItems={
                'UserSessions': [
                    {
                        'PutRequest': {
                            'Item': {
                                'session_id': s['id'],
                                'user_id': s['user_id'],
                                'expires_at': s['expires'],
                                'data': s['data']
                            }
                        }
                    } for s in sessions
                ]
            }
        )
        return {'success': True, 'unprocessed': response.get('UnprocessedItems', {})}
    except seed.ClientError as e:
        return {'success': False, 'error': str(e)}


def test_batch_create_sessions_calls_what_a_table_does_not_have(sessions):
    with pytest.raises(AttributeError) as caught:
        seed.batch_create_sessions(some_sessions(3))
    assert str(caught.value) == "'dynamodb.Table' object has no attribute 'batch_write_item'"
    assert sessions.scan()['Items'] == []


def test_batch_create_sessions_nearest_legal_form(sessions):
    assert legal_batch_create_sessions(some_sessions(25)) == {'success': True, 'unprocessed': {}}
    assert sessions.get_item(Key={'session_id': 's07'})['Item'] == {
        'session_id': 's07', 'user_id': 'u1', 'expires_at': 1007, 'data': {'step': 7}}
    assert sessions.scan(Select='COUNT')['Count'] == 25


def test_batch_create_sessions_nearest_legal_form_tells_its_errors(sessions):
    answer = legal_batch_create_sessions(some_sessions(26))
    assert answer['success'] is False
    assert answer['error'].startswith(
        'An error occurred (ValidationException) when calling the BatchWriteItem operation: 1 validation error '
        "detected: Value '{")
    assert answer['error'].endswith(
        "}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have "
        'length less than or equal to 25, Member must have length greater than or equal to 1]')
    assert sessions.scan()['Items'] == []


def test_batch_create_sessions_with_the_batch_writer(sessions):
    with sessions.batch_writer() as batch:
        for s in some_sessions(60):
            batch.put_item(Item={
                'session_id': s['id'], 'user_id': s['user_id'], 'expires_at': s['expires'], 'data': s['data']})
    assert sessions.scan(Select='COUNT')['Count'] == 60


def test_get_expired_sessions_projects_two_attributes(sessions):
    legal_batch_create_sessions(some_sessions(20))
    found = seed.get_expired_sessions(1005)
    assert sorted(found, key=lambda s: s['session_id']) == [
        {'session_id': 's%02d' % i, 'user_id': 'u%d' % (i % 3)} for i in range(5)]
    assert seed.get_expired_sessions(1000) == []


# Common Patterns

@pytest.fixture
def adjacency(make_table):
    return make_table('Adjacency', 'PK:S', 'SK:S')


def test_single_table_design_as_written_holds_a_float(adjacency):
    user, order, _ = seed.adjacency_list
    adjacency.put_item(Item=user)
    with pytest.raises(TypeError) as caught:
        adjacency.put_item(Item=order)
    assert str(caught.value) == FLOAT_REFUSED


def test_single_table_design_with_a_decimal(adjacency):
    items = [dict(i) for i in seed.adjacency_list]
    items[1]['total'] = Decimal('99.99')
    for item in items:
        adjacency.put_item(Item=item)
    of_user = adjacency.query(KeyConditionExpression=Key('PK').eq('USER#123'))['Items']
    assert of_user == [items[0], items[1]]
    orders_only = adjacency.query(
        KeyConditionExpression=Key('PK').eq('USER#123') & Key('SK').begins_with('ORDER#'))['Items']
    assert orders_only == [items[1]]
    assert adjacency.query(KeyConditionExpression=Key('PK').eq('ORDER#456'))['Items'] == [items[2]]


def test_paginate_orders_gives_all_in_one_page(orders):
    made = put_orders(orders, 'c1', 30)
    assert seed.paginate_orders('c1') == (made, None)


def test_paginate_orders_goes_on_at_the_cursor(orders):
    text = 'x' * 60000
    made = []
    for i in range(40):
        order = {'customer_id': 'c1', 'order_date': '2024-01-%02d' % i, 'note': text}
        orders.put_item(Item=order)
        made.append(order)
    got, pages, cursor = [], 0, None
    while True:
        items, cursor = seed.paginate_orders('c1', cursor)
        got += items
        pages += 1
        if not cursor:
            break
        assert cursor == {'customer_id': 'c1', 'order_date': items[-1]['order_date']}
    assert got == made
    assert pages == 3


def test_ttl_for_session_cleanup(sessions, client):
    client.update_time_to_live(
        TableName='UserSessions', TimeToLiveSpecification={'AttributeName': 'expires_at', 'Enabled': True})
    described = client.describe_time_to_live(TableName='UserSessions')['TimeToLiveDescription']
    assert described['TimeToLiveStatus'] in ('ENABLING', 'ENABLED')
    assert described['AttributeName'] == 'expires_at'

    with transcript.pause():
        expires_at = seed.put_session_with_ttl(sessions)
        week = expires_at - datetime.now(timezone.utc).timestamp()
        assert abs(week - 7 * 86400) < 86400
        assert sessions.get_item(Key={'session_id': '...'})['Item'] == {
            'session_id': '...', 'expires_at': expires_at}
        assert time.time() < expires_at
