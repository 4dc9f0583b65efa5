"""The seed guide's examples, and more, with real pynamodb."""

import time
from datetime import timedelta

import pytest
from pynamodb.exceptions import DeleteError, DoesNotExist, PutError, QueryError, UpdateError

from models import Address, Order, Product, User, UserSession
from transcript import transcript


def note(what, answer):
    """pynamodb 5 does not call botocore's hooks, so its answers are written down here."""
    transcript.note(what, answer)
    return answer


@pytest.fixture
def tables(client):
    made = []
    with transcript.pause():
        try:
            for model in (User, Order, Product, UserSession):
                made.append(model.Meta.table_name)
                model.create_table(wait=True)
            yield
        finally:
            for name in made:
                client.delete_table(TableName=name)
            for name in made:
                client.get_waiter('table_not_exists').wait(
                    TableName=name, WaiterConfig={'Delay': 0.05, 'MaxAttempts': 200})


def test_save_get_and_refresh(tables):
    User('u1', email='ada@example.com', name='Ada', tags={'x', 'y'}, address=Address(city='London'),
         settings={'a': [1]}).save()
    for _ in range(2):
        user = User.get('u1')
        got = user.serialize()
        got['tags']['SS'].sort()
        assert note('user', got) == {
            'user_id': {'S': 'u1'}, 'email': {'S': 'ada@example.com'}, 'name': {'S': 'Ada'},
            'status': {'S': 'active'}, 'tags': {'SS': ['x', 'y']}, 'address': {'M': {'city': {'S': 'London'}}},
            'verified': {'BOOL': False}, 'logins': {'N': '0'}, 'settings': {'S': '{"a": [1]}'}}
    user.update(actions=[User.status.set('inactive'), User.logins.add(2), User.address.zip_code.set('N1')])
    assert (user.status, user.logins, user.address.zip_code) == ('inactive', 2, 'N1')
    again = User.get('u1', consistent_read=True)
    again.update(actions=[User.tags.delete({'x'}), User.settings.remove()])
    user.refresh()
    assert user.tags == {'y'} and user.settings is None
    user.delete()
    with pytest.raises(DoesNotExist):
        User.get('u1')


def test_conditions(tables):
    User('u1', email='a', name='A').save(User.user_id.does_not_exist())
    with pytest.raises(PutError) as put:
        User('u1', email='b', name='B').save(User.user_id.does_not_exist())
    assert put.value.cause_response_code == 'ConditionalCheckFailedException'
    user = User.get('u1')
    assert user.email == 'a'
    with pytest.raises(UpdateError):
        user.update(actions=[User.logins.set(1)], condition=User.status == 'gone')
    with pytest.raises(DeleteError):
        user.delete(condition=User.logins > 5)
    user.update(
        actions=[User.logins.set(User.logins + 1)],
        condition=(User.status == 'active') & User.email.contains('a'))
    assert User.get('u1').logins == 1


def test_query_by_range_and_backwards(tables):
    for day in range(1, 29):
        Order('c1', '2024-02-%02d' % day, total=day * 10).save()
    dates = lambda found: [o.order_date for o in found]
    newest = dates(Order.query('c1', scan_index_forward=False, limit=3))
    assert note('newest', newest) == ['2024-02-28', '2024-02-27', '2024-02-26']
    between = dates(Order.query('c1', Order.order_date.between('2024-02-05', '2024-02-07')))
    assert note('between', between) == ['2024-02-05', '2024-02-06', '2024-02-07']
    filtered = dates(Order.query('c1', filter_condition=Order.total > 260))
    assert note('filtered', filtered) == ['2024-02-27', '2024-02-28']
    assert Order.count('c1') == 28


def test_pages(tables):
    for day in range(1, 26):
        Order('c1', '2024-02-%02d' % day, total=day).save()
    found = Order.query('c1', page_size=7)
    first = [next(found).order_date for _ in range(7)]
    assert first[-1] == '2024-02-07'
    rest = Order.query('c1', last_evaluated_key=found.last_evaluated_key)
    assert [o.order_date for o in rest] == ['2024-02-%02d' % d for d in range(8, 26)]


def test_local_index(tables):
    for day, total in ((1, 30), (2, 10), (3, 20)):
        Order('c1', '2024-02-%02d' % day, total=total).save()
    found = [int(o.total) for o in Order.by_total.query('c1')]
    assert note('totals', found) == [10, 20, 30]


def test_optimistic_locking(tables):
    order = Order('c1', '2024-02-01', total=1)
    order.save()
    stale = Order.get('c1', '2024-02-01')
    order.update(actions=[Order.total.set(2)])
    with pytest.raises(PutError):
        stale.save()
    assert (order.version, Order.get('c1', '2024-02-01').total) == (2, 2)


def test_price_index(tables):
    for n in range(8):
        Product('p%d' % n, category='book' if n % 2 else 'tea', price=n + 0.5).save()
    found = [p.product_id for p in Product.price_index.query('book', Product.price.between(1, 6))]
    assert note('books', found) == ['p1', 'p3', 'p5']
    product = Product.get('p3')
    product.update(actions=[Product.price.set(100)])
    found = [p.product_id for p in Product.price_index.query('book', Product.price.between(1, 6))]
    assert note('books', found) == ['p1', 'p5']
    with pytest.raises(QueryError):
        list(Product.price_index.query('book', Product.category == 'tea'))


def test_batches_and_scan(tables):
    with UserSession.batch_write() as batch:
        for n in range(60):
            batch.save(UserSession('s%02d' % n, user_id='u%d' % (n % 3)))
    got = sorted(s.session_id for s in UserSession.batch_get(['s%02d' % n for n in range(50, 70)]))
    assert note('got', got) == ['s%02d' % n for n in range(50, 60)]
    with UserSession.batch_write() as batch:
        for n in range(30):
            batch.delete(UserSession('s%02d' % n))
    left = sorted(s.session_id for s in UserSession.scan(page_size=10))
    assert note('left', left) == ['s%02d' % n for n in range(30, 60)]
    ones = sorted(s.session_id for s in UserSession.scan(UserSession.user_id == 'u1'))
    assert note('ones', ones) == ['s%02d' % n for n in range(30, 60) if n % 3 == 1]


def test_time_to_live(tables, client):
    UserSession('kept', user_id='u', expires_at=timedelta(hours=1)).save()
    assert UserSession.get('kept').user_id == 'u'
    described = client.describe_time_to_live(TableName='PynamoSessions')['TimeToLiveDescription']
    assert described['AttributeName'] == 'expires_at'
    session = UserSession('gone', user_id='u', expires_at=timedelta(seconds=-30))
    session.save()
    deadline = time.monotonic() + 60
    while True:
        try:
            UserSession.get('gone')
        except DoesNotExist:
            break
        assert time.monotonic() < deadline, 'an expired item was still there after a minute'
        time.sleep(0.1)
    assert UserSession.get('kept').user_id == 'u'
