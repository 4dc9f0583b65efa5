package millrace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbEnhancedClient;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbTable;
import software.amazon.awssdk.enhanced.dynamodb.Key;
import software.amazon.awssdk.enhanced.dynamodb.TableSchema;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbBean;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbPartitionKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSecondaryPartitionKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSortKey;
import software.amazon.awssdk.enhanced.dynamodb.model.QueryConditional;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.GetItemResponse;
import software.amazon.awssdk.services.dynamodb.model.KeysAndAttributes;
import software.amazon.awssdk.services.dynamodb.model.Put;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItem;

/** AWS SDK for Java v2: the client, its asynchronous sister and the enhanced client. None retries: that would hide a fault. */
class ClientTest {
    private static final URI ENDPOINT = URI.create(System.getenv("MILLRACE_ENDPOINT"));
    private static final StaticCredentialsProvider ANY = StaticCredentialsProvider.create(AwsBasicCredentials.create("suite", "suite"));
    private static final String TABLE = "JavaVisits";

    private final DynamoDbClient client = DynamoDbClient.builder().endpointOverride(ENDPOINT).region(Region.US_EAST_1)
        .credentialsProvider(ANY)
        .overrideConfiguration(c -> c.retryStrategy(AwsRetryStrategy.doNotRetry()).addExecutionInterceptor(new Transcript()))
        .build();
    private final DynamoDbTable<Visit> visits = DynamoDbEnhancedClient.builder().dynamoDbClient(client).build()
        .table(TABLE, TableSchema.fromBean(Visit.class));

    /** A bean as the enhanced client's users write it. */
    @DynamoDbBean
    public static class Visit {
        private String page;
        private Integer at;
        private String user;
        private Long count;

        @DynamoDbPartitionKey
        public String getPage() { return page; }

        public void setPage(String page) { this.page = page; }

        @DynamoDbSortKey
        public Integer getAt() { return at; }

        public void setAt(Integer at) { this.at = at; }

        @DynamoDbSecondaryPartitionKey(indexNames = "byUser")
        public String getUser() { return user; }

        public void setUser(String user) { this.user = user; }

        public Long getCount() { return count; }

        public void setCount(Long count) { this.count = count; }

        static Visit of(int at) {
            Visit v = new Visit();
            v.page = "/";
            v.at = at;
            v.user = "u" + at % 2;
            v.count = (long) at;
            return v;
        }
    }

    @BeforeEach
    void create() {
        visits.createTable(r -> r.globalSecondaryIndices(i -> i.indexName("byUser").projection(p -> p.projectionType("ALL"))));
        client.waiter().waitUntilTableExists(r -> r.tableName(TABLE));
    }

    @AfterEach
    void delete() {
        visits.deleteTable();
        client.waiter().waitUntilTableNotExists(r -> r.tableName(TABLE));
        client.close();
    }

    private static Map<String, AttributeValue> key(int at) {
        return Map.of("page", AttributeValue.fromS("/"), "at", AttributeValue.fromN(Integer.toString(at)));
    }

    @Test
    void everyWriteIsSeenByTheNextRead() {
        Key key = Key.builder().partitionValue("/").sortValue(1).build();
        assertNull(visits.getItem(key));
        visits.putItem(Visit.of(1));
        for (int i = 0; i < 2; i++) {
            assertEquals(1L, visits.getItem(key).getCount());
        }
        var updated = client.updateItem(r -> r.tableName(TABLE).key(key(1)).updateExpression("ADD #c :n").returnValues(ReturnValue.UPDATED_NEW)
            .expressionAttributeNames(Map.of("#c", "count")).expressionAttributeValues(Map.of(":n", AttributeValue.fromN("41"))));
        assertEquals("42", updated.attributes().get("count").n());
        assertEquals(42L, visits.getItem(key).getCount());
        var refused = assertThrows(ConditionalCheckFailedException.class,
            () -> client.putItem(r -> r.tableName(TABLE).item(key(1)).conditionExpression("attribute_not_exists(page)")));
        assertEquals("The conditional request failed", refused.awsErrorDetails().errorMessage());
        visits.deleteItem(key);
        assertNull(visits.getItem(key));
    }

    @Test
    void queriesBatchesAndTransactions() {
        IntStream.range(0, 20).forEach(at -> visits.putItem(Visit.of(at)));
        for (int i = 0; i < 2; i++) {
            var page = visits.query(r -> r.limit(7).queryConditional(QueryConditional.sortGreaterThan(k -> k.partitionValue("/").sortValue(4))));
            assertEquals(IntStream.range(5, 20).boxed().toList(), page.items().stream().map(Visit::getAt).toList());
            var user = visits.index("byUser").query(QueryConditional.keyEqualTo(k -> k.partitionValue("u1")));
            assertEquals(10, user.stream().mapToInt(p -> p.items().size()).sum());
            var got = client.batchGetItem(r -> r.requestItems(Map.of(TABLE, KeysAndAttributes.builder().keys(List.of(key(3), key(99))).build())));
            assertEquals(1, got.responses().get(TABLE).size());
        }
        var put = Put.builder().tableName(TABLE).item(key(20)).build();
        client.transactWriteItems(r -> r.clientRequestToken("java-1").transactItems(TransactWriteItem.builder().put(put).build(),
            TransactWriteItem.builder().delete(d -> d.tableName(TABLE).key(key(0))).build()));
        var all = client.scanPaginator(r -> r.tableName(TABLE).limit(6));
        assertEquals(20, all.items().stream().count());
    }

    @Test
    void theAsynchronousClientGetsTheSame() {
        visits.putItem(Visit.of(1));
        try (var async = DynamoDbAsyncClient.builder().endpointOverride(ENDPOINT).region(Region.US_EAST_1).credentialsProvider(ANY)
                .overrideConfiguration(c -> c.retryStrategy(AwsRetryStrategy.doNotRetry())).build()) {
            var answers = IntStream.range(0, 50).mapToObj(i -> async.getItem(r -> r.tableName(TABLE).key(key(1)))).toList();
            assertEquals(List.of("u1"), answers.stream().map(a -> a.join()).map(GetItemResponse::item).map(m -> m.get("user").s()).distinct().toList());
        }
    }
}
