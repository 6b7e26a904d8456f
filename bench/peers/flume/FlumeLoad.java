import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.flume.Context;
import org.apache.flume.Event;
import org.apache.flume.Transaction;
import org.apache.flume.channel.file.FileChannel;
import org.apache.flume.event.EventBuilder;

/**
 * Loads on Flume's file channel, on command: the other half of spillway-bench-load (load_main.cc),
 * with the same commands and the same answers, save for `control`. Every option of the channel that
 * is not set here is Flume's default.
 */
public final class FlumeLoad {
  private static final long WARM_UP_NANOS = 50_000_000L;
  private static final int FILL_EVENTS = 1000;

  private enum Phase { WARM_UP, MEASURED, OVER }

  /** Commit latencies of one thread. */
  private static final class Latencies {
    private long[] nanos = new long[1024];
    private int count = 0;

    void record(long value) {
      if (count == nanos.length) {
        nanos = Arrays.copyOf(nanos, 2 * count);
      }
      nanos[count++] = value;
    }

    void merge(Latencies other) {
      for (int i = 0; i < other.count; ++i) {
        record(other.nanos[i]);
      }
    }

    /** In microseconds; the smallest that at least this share does not exceed. */
    double quantile(double share) {
      if (count == 0) {
        return 0;
      }
      Arrays.sort(nanos, 0, count);
      return nanos[Math.max(0, (int) Math.ceil(share * count) - 1)] / 1e3;
    }
  }

  private final FileChannel channel = new FileChannel();
  private final AtomicLong depth = new AtomicLong();

  private FlumeLoad(String directory) {
    Context context = new Context();
    context.put("checkpointDir", directory + "/checkpoint");
    context.put("dataDirs", directory + "/data");
    context.put("fsyncPerTransaction", "true");
    channel.setName("bench");
    channel.configure(context);
    channel.start();
  }

  private void putOnce(byte[] body, int batch) {
    Transaction transaction = channel.getTransaction();
    transaction.begin();
    try {
      for (int i = 0; i < batch; ++i) {
        channel.put(EventBuilder.withBody(body));
      }
      transaction.commit();
    } catch (RuntimeException | Error failure) {
      transaction.rollback();
      throw failure;
    } finally {
      transaction.close();
    }
    depth.addAndGet(batch);
  }

  private int takeOnce(int batch, int eventBytes) {
    int taken = 0;
    Transaction transaction = channel.getTransaction();
    transaction.begin();
    try {
      while (taken < batch) {
        Event event = channel.take();
        if (event == null) {
          break;
        }
        byte[] body = event.getBody();
        if (body.length != eventBytes || body[0] != 'x') {
          throw new IllegalStateException("took another event than was put");
        }
        ++taken;
      }
      transaction.commit();
    } catch (RuntimeException | Error failure) {
      transaction.rollback();
      throw failure;
    } finally {
      transaction.close();
    }
    depth.addAndGet(-taken);
    return taken;
  }

  private static byte[] body(int bytes) {
    byte[] body = new byte[bytes];
    Arrays.fill(body, (byte) 'x');
    return body;
  }

  private static String answer(double eventsPerSecond, Latencies latencies) {
    return String.format(Locale.ROOT, "ok events_per_second=%.1f p50_us=%.3f p99_us=%.3f",
        eventsPerSecond, latencies.quantile(0.5), latencies.quantile(0.99));
  }

  /** What the threads of one load of puts share. */
  private final class Puts {
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final AtomicLong events = new AtomicLong();
    private final Latencies latencies = new Latencies();
    private volatile Phase phase = Phase.WARM_UP;

    void run(byte[] body, int batch) {
      Latencies mine = new Latencies();
      try {
        while (phase != Phase.OVER) {
          long started = System.nanoTime();
          putOnce(body, batch);
          if (phase == Phase.MEASURED) {
            mine.record(System.nanoTime() - started);
            events.addAndGet(batch);
          }
        }
      } catch (RuntimeException | Error problem) {
        failure.set(problem);
      }
      synchronized (latencies) {
        latencies.merge(mine);
      }
    }
  }

  private String put(int threads, int batch, int eventBytes, int millis) throws Exception {
    Puts puts = new Puts();
    byte[] body = body(eventBytes);
    List<Thread> running = new ArrayList<>();
    for (int i = 0; i < threads; ++i) {
      running.add(new Thread(() -> puts.run(body, batch)));
    }
    running.forEach(Thread::start);
    Thread.sleep(WARM_UP_NANOS / 1_000_000);
    long started = System.nanoTime();
    puts.phase = Phase.MEASURED;
    Thread.sleep(millis);
    double events = puts.events.get();
    double seconds = (System.nanoTime() - started) / 1e9;
    puts.phase = Phase.OVER;
    for (Thread thread : running) {
      thread.join();
    }
    if (puts.failure.get() != null) {
      throw new IllegalStateException(puts.failure.get());
    }
    while (depth.get() > 0 && takeOnce(FILL_EVENTS, eventBytes) > 0) {
      // empties the channel
    }
    return answer(events / seconds, puts.latencies);
  }

  private String take(int batch, int eventBytes, int millis, int backlog) {
    byte[] body = body(eventBytes);
    while (depth.get() < backlog) {
      putOnce(body, FILL_EVENTS);
    }
    long begun = System.nanoTime();
    while (System.nanoTime() - begun < WARM_UP_NANOS) {
      takeOnce(batch, eventBytes);
    }
    Latencies latencies = new Latencies();
    double events = 0;
    long started = System.nanoTime();
    long now = started;
    while (now - started < millis * 1_000_000L) {
      int taken = takeOnce(batch, eventBytes);
      if (taken == 0) {
        break;
      }
      long after = System.nanoTime();
      latencies.record(after - now);
      now = after;
      events += taken;
    }
    if (events == 0) {
      throw new IllegalStateException("the backlog is too small to measure");
    }
    return answer(events / ((now - started) / 1e9), latencies);
  }

  private String answerTo(String line) {
    try {
      String[] words = line.split(" ");
      int[] numbers = new int[words.length - 1];
      for (int i = 0; i < numbers.length; ++i) {
        numbers[i] = Integer.parseInt(words[i + 1]);
      }
      if (words[0].equals("put") && numbers.length == 4) {
        return put(numbers[0], numbers[1], numbers[2], numbers[3]);
      }
      if (words[0].equals("take") && numbers.length == 4) {
        return take(numbers[0], numbers[1], numbers[2], numbers[3]);
      }
      return "failed no such command";
    } catch (Exception problem) {
      return "failed " + String.valueOf(problem).replace('\n', ' ');
    }
  }

  public static void main(String[] arguments) {
    if (arguments.length != 1) {
      System.err.println("usage: FlumeLoad DIR");
      System.exit(2);
    }
    try {
      run(arguments[0]);
    } catch (Exception | Error failure) {
      failure.printStackTrace();
      System.exit(1); // the channel's threads would keep the process alive
    }
  }

  private static void run(String directory) throws Exception {
    PrintStream answers = System.out;
    System.setOut(System.err); // Flume has things to say, too
    FlumeLoad load = new FlumeLoad(directory);
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      answers.println(load.answerTo(line));
      answers.flush();
    }
    load.channel.stop();
  }
}
