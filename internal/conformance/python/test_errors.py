"""Service exceptions with DynamoDB's own codes and texts, as an application sees them."""

import pytest
from botocore.exceptions import ParamValidationError

VE = 'ValidationException'


@pytest.fixture
def table(make_table):
    return make_table('Errors', 'pk:S', 'sk:S')


KEY = {'pk': 'p', 'sk': 's'}


def test_a_missing_table(client, refused):
    for call, args in (
        (client.get_item, {'Key': {'pk': {'S': 'p'}}}),
        (client.put_item, {'Item': {'pk': {'S': 'p'}}}),
        (client.delete_item, {'Key': {'pk': {'S': 'p'}}}),
        (client.update_item, {'Key': {'pk': {'S': 'p'}}}),
        (client.scan, {}),
        (client.query, {'KeyConditionExpression': 'pk = :p', 'ExpressionAttributeValues': {':p': {'S': 'p'}}}),
    ):
        refused('ResourceNotFoundException', 'Requested resource not found', call, TableName='Nowhere', **args)
    for call in (client.describe_table, client.delete_table):
        refused(
            'ResourceNotFoundException', 'Requested resource not found: Table: Nowhere not found',
            call, TableName='Nowhere')


def test_exceptions_have_their_classes(client, table):
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_item(TableName='Nowhere', Key={'pk': {'S': 'p'}})
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        client.put_item(
            TableName='Errors', Item={'pk': {'S': 'p'}, 'sk': {'S': 's'}}, ConditionExpression='attribute_exists(pk)')
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.create_table(
            TableName='Errors', KeySchema=[{'AttributeName': 'pk', 'KeyType': 'HASH'}],
            AttributeDefinitions=[{'AttributeName': 'pk', 'AttributeType': 'S'}], BillingMode='PAY_PER_REQUEST')


def test_a_failed_condition_can_bring_the_item(client, table):
    table.put_item(Item=dict(KEY, a=1))
    ask = lambda: client.put_item(
        TableName='Errors', Item={'pk': {'S': 'p'}, 'sk': {'S': 's'}},
        ConditionExpression='attribute_not_exists(pk)', ReturnValuesOnConditionCheckFailure='ALL_OLD')
    # The service model of 2022 does not know the parameter yet.
    known = client.meta.service_model.operation_model('PutItem').input_shape.members
    if 'ReturnValuesOnConditionCheckFailure' not in known:
        with pytest.raises(ParamValidationError):
            ask()
        return
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as caught:
        ask()
    assert caught.value.response['Item'] == {'pk': {'S': 'p'}, 'sk': {'S': 's'}, 'a': {'N': '1'}}


def test_keys_that_do_not_fit_the_schema(table, refused):
    mismatch = 'The provided key element does not match the schema'
    # Too few, of the wrong type, too many.
    refused(VE, mismatch, table.get_item, Key={'pk': 'p'})
    refused(VE, mismatch, table.get_item, Key={'pk': 'p', 'sk': 1})
    refused(VE, mismatch, table.delete_item, Key=dict(KEY, more='x'))
    refused(
        VE, 'One or more parameter values were invalid: Missing the key sk in the item',
        table.put_item, Item={'pk': 'p'})
    refused(
        VE, 'One or more parameter values were invalid: Type mismatch for key sk expected: S actual: N',
        table.put_item, Item={'pk': 'p', 'sk': 1})
    refused(
        VE,
        'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an '
        'empty string value. Key: pk',
        table.put_item, Item={'pk': '', 'sk': 's'})


def test_keys_may_not_be_updated(table, refused):
    refused(
        VE, 'One or more parameter values were invalid: Cannot update attribute sk. This attribute is part of the key',
        table.update_item, Key=KEY, UpdateExpression='SET sk = :s', ExpressionAttributeValues={':s': 's'})


def test_expressions_that_do_not_parse(table, refused):
    refused(
        VE, 'Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: name',
        table.get_item, Key=KEY, ProjectionExpression='name')
    refused(
        VE, 'Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: status',
        table.update_item, Key=KEY, UpdateExpression='SET status = :s', ExpressionAttributeValues={':s': 's'})
    refused(
        VE, 'Invalid UpdateExpression: Syntax error; token: "INVALID", near: "INVALID SYNTAX"',
        table.update_item, Key=KEY, UpdateExpression='INVALID SYNTAX')
    refused(
        VE, 'Invalid FilterExpression: The expression can not be empty;',
        table.scan, FilterExpression='')


def test_placeholders_that_are_missing_or_unused(table, refused):
    refused(
        VE,
        'Invalid ProjectionExpression: An expression attribute name used in the document path is not defined; '
        'attribute name: #a',
        table.get_item, Key=KEY, ProjectionExpression='#a')
    refused(
        VE,
        'Invalid UpdateExpression: An expression attribute value used in expression is not defined; '
        'attribute value: :v',
        table.update_item, Key=KEY, UpdateExpression='SET a = :v')
    refused(
        VE, 'Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}',
        table.get_item, Key=KEY, ProjectionExpression='#a', ExpressionAttributeNames={'#a': 'a', '#b': 'b'})
    refused(
        VE, 'Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}',
        table.update_item, Key=KEY, UpdateExpression='SET a = :v', ExpressionAttributeValues={':v': 1, ':w': 2})
    refused(
        VE, 'ExpressionAttributeNames can only be specified when using expressions',
        table.get_item, Key=KEY, ExpressionAttributeNames={'#a': 'a'})


def test_values_that_are_not_values(client, table, refused):
    def put(value):
        return client.put_item(TableName='Errors', Item={'pk': {'S': 'p'}, 'sk': {'S': 's'}, 'a': value})

    refused(VE, 'The parameter cannot be converted to a numeric value: dog', put, {'N': 'dog'})
    refused(VE, 'Attempting to store more than 38 significant digits in a Number', put, {'N': '1' * 39})
    refused(
        VE, 'Number overflow. Attempting to store a number with magnitude larger than supported range',
        put, {'N': '1E126'})
    refused(
        VE, 'Number underflow. Attempting to store a number with magnitude smaller than supported range',
        put, {'N': '1E-131'})
    refused(
        VE, 'One or more parameter values were invalid: An string set  may not be empty', put, {'SS': []})
    refused(
        VE, 'One or more parameter values were invalid: Input collection [a, a] contains duplicates.',
        put, {'SS': ['a', 'a']})
    refused(
        VE,
        'One or more parameter values were invalid: Null attribute value types must have the value of true',
        put, {'NULL': False})


def test_update_errors_at_run_time(table, refused):
    table.put_item(Item=dict(KEY, a='text'))
    refused(
        VE, 'An operand in the update expression has an incorrect data type',
        table.update_item, Key=KEY, UpdateExpression='SET a = a + :one', ExpressionAttributeValues={':one': 1})
    refused(
        VE, 'The provided expression refers to an attribute that does not exist in the item',
        table.update_item, Key=KEY, UpdateExpression='SET a = b')
    refused(
        VE, 'The document path provided in the update expression is invalid for update',
        table.update_item, Key=KEY, UpdateExpression='SET b.c = :one', ExpressionAttributeValues={':one': 1})
    assert table.get_item(Key=KEY)['Item'] == dict(KEY, a='text')


def test_constraints_are_listed(client, table, refused):
    refused(
        VE,
        "1 validation error detected: Value 'SOME' at 'returnConsumedCapacity' failed to satisfy constraint: "
        'Member must satisfy enum value set: [INDEXES, TOTAL, NONE]',
        table.get_item, Key=KEY, ReturnConsumedCapacity='SOME')
    refused(
        VE, 'ReturnValues can only be ALL_OLD or NONE',
        table.put_item, Item=KEY, ReturnValues='ALL_NEW')
    with pytest.raises(ParamValidationError):
        client.get_item(TableName='Errors')
