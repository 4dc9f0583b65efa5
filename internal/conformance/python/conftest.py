"""One endpoint for everything, from MILLRACE_ENDPOINT, and tables that live as long as a test."""

import os

import boto3
import botocore
import botocore.session
import pytest

from transcript import transcript

if not os.environ.get('MILLRACE_ENDPOINT'):
    raise pytest.UsageError('MILLRACE_ENDPOINT is not set: give the URL of a running millrace')

ENDPOINT = os.environ['MILLRACE_ENDPOINT']
REGION = 'us-east-1'

os.environ.update({
    'AWS_ACCESS_KEY_ID': 'suite',
    'AWS_SECRET_ACCESS_KEY': 'suite',
    'AWS_ENDPOINT_URL_DYNAMODB': ENDPOINT,
    'AWS_EC2_METADATA_DISABLED': 'true',
    'AWS_CONFIG_FILE': os.devnull,
    'AWS_SHARED_CREDENTIALS_FILE': os.devnull,
})
os.environ.pop('AWS_PROFILE', None)

# botocore reads AWS_ENDPOINT_URL_DYNAMODB since 1.31; before, an application had to name the endpoint itself.
READS_ENDPOINT_VARIABLE = tuple(int(p) for p in botocore.__version__.split('.')[:2]) >= (1, 31)


class EndpointSession(boto3.session.Session):
    """A session that names the endpoint where the installed boto3 does not read it from the environment."""

    def __init__(self, **kwargs):
        core = botocore.session.Session()
        transcript.hook(core)
        super().__init__(botocore_session=core, region_name=REGION, **kwargs)

    def client(self, *args, **kwargs):
        return super().client(*args, **self._with_endpoint(kwargs))

    def resource(self, *args, **kwargs):
        return super().resource(*args, **self._with_endpoint(kwargs))

    @staticmethod
    def _with_endpoint(kwargs):
        if not READS_ENDPOINT_VARIABLE:
            kwargs.setdefault('endpoint_url', ENDPOINT)
        return kwargs


# The seed module calls boto3.resource, which uses the default session.
boto3.DEFAULT_SESSION = EndpointSession()


@pytest.fixture(scope='session')
def resource():
    return boto3.DEFAULT_SESSION.resource('dynamodb')


@pytest.fixture(scope='session')
def client():
    return boto3.DEFAULT_SESSION.client('dynamodb')


@pytest.fixture(autouse=True)
def _told(request):
    """Names the test in the transcript. Fails it for a wrong x-amz-crc32, and for a retry: that would hide a fault."""
    transcript.begin(request.node.nodeid)
    yield
    assert transcript.crc_faults == [], 'x-amz-crc32 (operation, header, body)'
    assert transcript.retried == [], 'operations that were tried more than once'


@pytest.fixture
def make_table(resource, client):
    """make_table(name, hash, range=None, gsis=(), lsis=(), **more): keys are 'name:TYPE'. Deleted at the end."""
    made = []

    def make(name, hash, range=None, gsis=(), lsis=(), **more):
        types = {}

        def schema(*keys):
            out = []
            for key, kind in zip(keys, ('HASH', 'RANGE')):
                if key:
                    attribute, _, attribute_type = key.partition(':')
                    types[attribute] = attribute_type
                    out.append({'AttributeName': attribute, 'KeyType': kind})
            return out

        args = {'TableName': name, 'KeySchema': schema(hash, range), 'BillingMode': 'PAY_PER_REQUEST'}
        for member, indexes in (('GlobalSecondaryIndexes', gsis), ('LocalSecondaryIndexes', lsis)):
            if indexes:
                args[member] = [{
                    'IndexName': index[0],
                    'KeySchema': schema(*index[1:3]),
                    'Projection': index[3] if len(index) > 3 else {'ProjectionType': 'ALL'},
                } for index in indexes]
        args['AttributeDefinitions'] = [
            {'AttributeName': n, 'AttributeType': t} for n, t in sorted(types.items())]
        args.update(more)
        table = resource.create_table(**args)
        made.append(name)
        with transcript.pause():
            client.get_waiter('table_exists').wait(TableName=name, WaiterConfig={'Delay': 0.05, 'MaxAttempts': 200})
        return table

    yield make
    with transcript.pause():
        for name in made:
            client.delete_table(TableName=name)
        for name in made:
            client.get_waiter('table_not_exists').wait(
                TableName=name, WaiterConfig={'Delay': 0.05, 'MaxAttempts': 200})


@pytest.fixture
def refused():
    """refused(code, message, call, *args, **kwargs): the call must end in exactly that service exception."""
    from botocore.exceptions import ClientError

    def check(code, message, call, *args, **kwargs):
        with pytest.raises(ClientError) as caught:
            call(*args, **kwargs)
        error = caught.value.response['Error']
        assert (error['Code'], error['Message']) == (code, message)
        return caught.value

    return check
