package millrace;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.interceptor.SdkExecutionAttribute;
import software.amazon.awssdk.core.sync.RequestBody;

/**
 * Writes each call of a synchronous client as a JSON line into the file that MILLRACE_TRANSCRIPT names, so that two runs can be
 * compared, and the X-Millrace-Cache header of its reply into a second file, of the same name with ".cache".
 */
final class Transcript implements ExecutionInterceptor {
    /** Calls that are not written: their answers hold moments, or how many there are is a matter of time. */
    private static final java.util.Set<String> UNSTEADY = java.util.Set.of("CreateTable", "DescribeTable", "DeleteTable");

    private final String path = System.getenv("MILLRACE_TRANSCRIPT");

    @Override
    public Optional<InputStream> modifyHttpResponseContent(Context.ModifyHttpResponse context, ExecutionAttributes attributes) {
        String operation = attributes.getAttribute(SdkExecutionAttribute.OPERATION_NAME);
        if (path == null || context.responseBody().isEmpty() || UNSTEADY.contains(operation)) {
            return context.responseBody();
        }
        try {
            String request = text(context.requestBody().map(RequestBody::contentStreamProvider).orElseThrow().newStream());
            byte[] answer = context.responseBody().get().readAllBytes();
            write("", "{\"operation\":\"" + operation + "\",\"request\":" + request + ",\"status\":"
                + context.httpResponse().statusCode() + ",\"answer\":" + new String(answer, StandardCharsets.UTF_8) + "}");
            String word = context.httpResponse().firstMatchingHeader("x-millrace-cache").orElse("");
            write(".cache", "{\"operation\":\"" + operation + "\",\"cache\":\"" + word + "\"}");
            return Optional.of(new ByteArrayInputStream(answer));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String text(InputStream in) throws IOException {
        try (in) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private synchronized void write(String suffix, String line) throws IOException {
        Files.writeString(Path.of(path + suffix), line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
