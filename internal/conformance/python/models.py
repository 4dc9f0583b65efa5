"""The seed guide's tables as pynamodb models."""

import os

from pynamodb.attributes import JSONAttribute, NumberAttribute, TTLAttribute, UnicodeAttribute, \
    UnicodeSetAttribute, MapAttribute, ListAttribute, BooleanAttribute, VersionAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection, LocalSecondaryIndex
from pynamodb.models import Model


class Base:
    host = os.environ['MILLRACE_ENDPOINT']
    region = 'us-east-1'
    billing_mode = 'PAY_PER_REQUEST'
    max_retry_attempts = 0


class Address(MapAttribute):
    city = UnicodeAttribute()
    zip_code = UnicodeAttribute(null=True)


class User(Model):
    class Meta(Base):
        table_name = 'PynamoUsers'

    user_id = UnicodeAttribute(hash_key=True)
    email = UnicodeAttribute()
    name = UnicodeAttribute()
    status = UnicodeAttribute(default='active')
    tags = UnicodeSetAttribute(null=True)
    address = Address(null=True)
    verified = BooleanAttribute(default=False)
    logins = NumberAttribute(default=0)
    settings = JSONAttribute(null=True)


class NewestOrders(LocalSecondaryIndex):
    class Meta:
        index_name = 'total-index'
        projection = KeysOnlyProjection()

    customer_id = UnicodeAttribute(hash_key=True)
    total = NumberAttribute(range_key=True)


class Order(Model):
    class Meta(Base):
        table_name = 'PynamoOrders'

    customer_id = UnicodeAttribute(hash_key=True)
    order_date = UnicodeAttribute(range_key=True)
    total = NumberAttribute()
    lines = ListAttribute(null=True)
    version = VersionAttribute()
    by_total = NewestOrders()


class PriceIndex(GlobalSecondaryIndex):
    class Meta:
        index_name = 'price-index'
        projection = AllProjection()
        billing_mode = 'PAY_PER_REQUEST'

    category = UnicodeAttribute(hash_key=True)
    price = NumberAttribute(range_key=True)


class Product(Model):
    class Meta(Base):
        table_name = 'PynamoProducts'

    product_id = UnicodeAttribute(hash_key=True)
    category = UnicodeAttribute()
    price = NumberAttribute()
    price_index = PriceIndex()


class UserSession(Model):
    class Meta(Base):
        table_name = 'PynamoSessions'

    session_id = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute()
    expires_at = TTLAttribute(null=True)
