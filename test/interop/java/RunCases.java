import io.grpc.testing.integration.TestServiceClient;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Runs many cases of gRPC-Java's interop client in one JVM, which takes longer to start than a case takes:
 * `java -cp 'lib/*' RunCases.java PORT CONCURRENT CASE...`. Each case has a client and a channel of its own, as it has
 * with the client's own `main`. Says `RESULT <tab> case <tab> ok` or `RESULT <tab> case <tab> failed <tab> why`.
 */
final class RunCases {
  public static void main(String[] args) {
    for (String name : Arrays.asList(args).subList(2, args.length)) {
      String why = run(args[0], args[1], name);
      System.out.println("RESULT\t" + name + "\t" + (why == null ? "ok" : "failed\t" + why));
      System.out.flush();
    }
    System.exit(0);
  }

  /** Null where the case passes. */
  private static String run(String port, String concurrent, String name) {
    TestServiceClient client = new TestServiceClient();
    try {
      List<String> options = new ArrayList<>(ofCase(name, concurrent));
      options.addAll(List.of("--server_host=127.0.0.1", "--server_port=" + port, "--use_tls=false"));
      call(client, "parseArgs", (Object) options.toArray(new String[0]));
      call(client, "setUp");
      try {
        call(client, "run");
      } finally {
        call(client, "tearDown");
      }
      return null;
    } catch (Throwable thrown) {
      return String.valueOf(thrown).replaceAll("\\s+", " ");
    }
  }

  /** The soak by many threads on one channel is what the descriptions call concurrent_large_unary. */
  private static List<String> ofCase(String name, String concurrent) {
    if (name.equals("rpc_soak"))
      return List.of("--test_case=rpc_soak", "--soak_iterations=100",
          "--soak_per_iteration_max_acceptable_latency_ms=5000", "--soak_overall_timeout_seconds=20");
    if (name.equals("concurrent_large_unary"))
      return List.of("--test_case=rpc_soak", "--soak_iterations=1000", "--soak_num_threads=" + concurrent,
          "--soak_per_iteration_max_acceptable_latency_ms=20000", "--soak_overall_timeout_seconds=40");
    return List.of("--test_case=" + name);
  }

  /** Its methods are for its package only. */
  private static void call(TestServiceClient client, String name, Object... args) throws Throwable {
    for (Method method : TestServiceClient.class.getDeclaredMethods()) {
      if (!method.getName().equals(name) || method.getParameterCount() != args.length) continue;
      method.setAccessible(true);
      try {
        method.invoke(client, args);
      } catch (InvocationTargetException wrapped) {
        throw wrapped.getCause();
      }
      return;
    }
    throw new NoSuchMethodException("TestServiceClient." + name);
  }
}
