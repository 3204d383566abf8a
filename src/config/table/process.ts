import { logLevels } from '../../core/logger.ts';
import { choice, duration, size, text, toggle } from '../../schema/scalar-type.ts';
import { key, section } from '../../schema/shape.ts';

/** Where the process is. */
export const zone = key(text({ charsMax: 64, emptyAllowed: true }), {
  reload: 'restart',
  default: '',
  doc: 'Failure domain in which Outrigger runs. Uses the same names as `zone` of the endpoints. Empty if unknown.',
});

/** How Outrigger stops. */
export const drain = section(
  { doc: 'How Outrigger drains on SIGTERM and on `outrigger drain`.', reload: 'live' },
  {
    delay: key(duration({ max: '1h' }), {
      default: '5s',
      flag: 'drain-delay',
      flagDoc: 'how long to accept new connections after SIGTERM, while /ready answers 503',
      doc: 'How long Outrigger still accepts connections after `/ready` starts to answer 503, so that load balancers and Kubernetes can stop sending clients here. Then the listeners close. Until then, `outrigger undrain` cancels the drain.',
    }),
    grace: key(duration({ max: '1h' }), {
      default: '10s',
      flag: 'drain-grace',
      flagDoc: 'how long requests in flight may continue after the listeners close',
      doc: 'How long requests in flight may continue after the listeners close. Outrigger then terminates the rest with `draining`. Keep the sum of `delay` and `grace` below the time after which the process is killed: in Kubernetes `terminationGracePeriodSeconds`, 30s by default.',
    }),
    goawayDelay: key(duration({ max: '10m' }), {
      default: '1s',
      doc: 'Time between the first GOAWAY, which announces the shutdown, and the second one, which names the last accepted stream.',
    }),
    handover: key(duration({ min: '1ms', max: '10m' }), {
      reload: 'restart',
      otherwise: 'none: Outrigger waits for no successor and shares no address',
      doc: 'How long Outrigger waits on SIGTERM for a successor process on the same addresses. It continues to serve until the successor listens on all of them, including the admin address. Then it closes its sockets and moves its clients to the successor. Choose a value longer than a start takes on a busy machine: if the successor starts later, clients are refused until it listens. The two processes share the addresses with SO_REUSEPORT (Linux, FreeBSD), so any process of the same user can take connections. Not for socket files; for UDP, see docs/udp.md.',
    }),
  },
);

/** When the configuration is reloaded. */
export const reload = section(
  {
    doc: 'Automatic reload of the configuration. SIGHUP, `outrigger reload` and `POST /reload` always reload it.',
    reload: 'restart',
  },
  {
    watch: key(toggle, {
      default: false,
      flag: 'watch',
      flagDoc: 'reload the configuration when its file, or a certificate or key in it, changes',
      doc: 'Reloads the configuration when its file, or a certificate or key that it names, changes. Replace files atomically, by renaming.',
    }),
    interval: key(duration({ min: '50ms', max: '1h' }), {
      default: '1s',
      doc: 'How often Outrigger checks the files. A change is applied after two consecutive checks find the same content.',
    }),
  },
);

/** What all listeners together may be made to hold. */
export const limits = section(
  { doc: 'Memory limits of the whole process.', reload: 'live' },
  {
    bufferedBytes: key(size({ min: '1MiB', max: '64GiB' }), {
      default: '128MiB',
      doc: 'Maximum number of HTTP/2 bytes that one side has sent and the other has not read yet. Above half of this limit, one connection may buffer at most a sixteenth of the limit; when the limit is reached, at most 256 KiB. Outrigger resets requests or pauses uploads of a connection that buffers more.',
    }),
    memoryBytes: key(size({ min: '32MiB', max: '16384GiB' }), {
      otherwise: '80% of the memory of the container, or of the machine',
      doc: 'Resident memory above which Outrigger refuses new requests with `overloaded`, buffers at most 256 KiB for each connection, and waits only 3 s for clients that do not read their replies. Applies only while more than half of this amount is really in use, because freed memory can stay resident.',
    }),
    heapBytes: key(size({ min: '16MiB', max: '1024GiB' }), {
      otherwise: '85% of the heap limit of V8',
      doc: 'The same for the JavaScript heap. Without this limit, the process would crash when V8 runs out of heap.',
    }),
  },
);

/** What the operator reads. */
export const log = section(
  {
    doc: "Outrigger's own log, on standard error. For a log of requests, see `telemetry.accessLog`.",
    reload: 'live',
  },
  {
    level: key(choice(logLevels), {
      default: 'info',
      flag: 'log-level',
      flagDoc: "minimum level of Outrigger's own log",
      doc: 'Minimum level of the messages that are written.',
    }),
    format: key(choice(['text', 'json']), {
      default: 'text',
      flag: 'log-format',
      flagDoc: "format of Outrigger's own log",
      doc: '`text` is for people, `json` for programs.',
    }),
  },
);
