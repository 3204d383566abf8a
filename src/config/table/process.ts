import { logLevels } from '../../core/logger.ts';
import { choice, duration, size, text, toggle } from '../../schema/scalar-type.ts';
import { key, section } from '../../schema/shape.ts';

/** Where the process is. */
export const zone = key(text({ charsMax: 64, emptyAllowed: true }), {
  reload: 'restart',
  default: '',
  doc: 'Failure domain in which Outrigger runs, as `zone` of endpoints says it; empty where it is not known.',
});

/** How Outrigger stops. */
export const drain = section(
  { doc: 'How Outrigger stops on SIGTERM and drains on `outrigger drain`.', reload: 'live' },
  {
    delay: key(duration({ max: '1h' }), {
      default: '5s',
      flag: 'drain-delay',
      flagDoc: 'how long new connections are accepted after SIGTERM, while readiness fails',
      doc: 'How long new connections are still accepted and served once readiness fails: the time in which load balancers and Kubernetes stop sending clients here. Then the listeners close. Until then `outrigger undrain` takes the drain back.',
    }),
    grace: key(duration({ max: '1h' }), {
      default: '10s',
      flag: 'drain-grace',
      flagDoc: 'how long calls in flight may go on once the listeners have closed',
      doc: 'How long calls in flight may go on once the listeners have closed; what is left then is cancelled as `draining`. Keep `delay` and `grace` together below the time after which the process is killed: 30s in Kubernetes, unless `terminationGracePeriodSeconds` differs.',
    }),
    goawayDelay: key(duration({ max: '10m' }), {
      default: '1s',
      doc: 'From the first GOAWAY, which announces the end, to the one that says which calls still count.',
    }),
    handover: key(duration({ min: '1ms', max: '10m' }), {
      reload: 'restart',
      otherwise: 'nobody is waited for, and no address is shared',
      doc: 'How long to wait, before going, for a successor on the same addresses. Until it is there, with the admin address as well, this sidecar serves on; then it closes its sockets and sends its clients over. Give it longer than a start takes on a busy machine: clients of a successor that comes later are refused in between. Addresses are shared by SO_REUSEPORT (Linux, FreeBSD), so any process of the same user could take connections. TCP only.',
    }),
  },
);

/** When the configuration is reloaded. */
export const reload = section(
  {
    doc: 'When the configuration is reloaded by itself. SIGHUP, `outrigger reload` and `POST /reload` always do it.',
    reload: 'restart',
  },
  {
    watch: key(toggle, {
      default: false,
      flag: 'watch',
      flagDoc: 'reload the configuration when its file, or a certificate it names, has changed',
      doc: 'Reloads it when its file, or a certificate or key that it names, has changed. Replace files by renaming.',
    }),
    interval: key(duration({ min: '50ms', max: '1h' }), {
      default: '1s',
      doc: 'From one check of the files to the next. A change counts once two checks agree.',
    }),
  },
);

/** What all listeners together may be made to hold. */
export const limits = section(
  { doc: 'What the whole process may be made to hold.', reload: 'live' },
  {
    bufferedBytes: key(size({ min: '1MiB', max: '64GiB' }), {
      default: '128MiB',
      doc: 'Bytes of HTTP/2 streams that one side sent and the other does not take. Above half of it no connection may hold more than a sixteenth, and when it is full 256 KiB: its calls are reset, or its uploads held back.',
    }),
    memoryBytes: key(size({ min: '32MiB', max: '16384GiB' }), {
      otherwise: '80% of what the container has, or the machine',
      doc: 'Resident memory of the process above which new calls are refused as `overloaded`, no connection may hold more than 256 KiB, and readers who stand still are waited for 3 s only. Half of it must be in use: memory that was freed counts no more.',
    }),
    heapBytes: key(size({ min: '16MiB', max: '1024GiB' }), {
      otherwise: "85% of V8's limit",
      doc: "The same for the objects on V8's heap, at whose limit the process would end.",
    }),
  },
);

/** What the operator reads. */
export const log = section(
  { doc: "Outrigger's own log, on standard error. Calls are in `telemetry.accessLog`.", reload: 'live' },
  {
    level: key(choice(logLevels), {
      default: 'info',
      flag: 'log-level',
      flagDoc: "least level of Outrigger's own log",
      doc: 'The least that is written.',
    }),
    format: key(choice(['text', 'json']), {
      default: 'text',
      flag: 'log-format',
      flagDoc: "form of Outrigger's own log",
      doc: 'Lines for people or for programs.',
    }),
  },
);
