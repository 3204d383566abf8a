/**
 * The engine as a client: one GET to the URL given, then it listens until the connection ends. `h2specd` starts it anew
 * for each of its cases: `h2specd --exec 'node test/conformance/h2-client.ts'`.
 */
import { connect } from 'node:net';
import { systemClock } from '../../src/core/clock.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import type { StreamReceiver } from '../../src/core/message-stream.ts';
import { FlushScheduler } from '../../src/http2/flush-scheduler.ts';
import { connectionDefaults } from '../../src/http2/options.ts';
import { SocketBinding } from '../../src/http2/socket-binding.ts';

/** Well below the ten seconds that h2specd gives a case. */
const patienceMs = 2000;

const url = new URL(process.argv[2] ?? 'http://127.0.0.1:30000/');
const socket = connect({ host: url.hostname, port: Number(url.port) });
const receiver: StreamReceiver = {
  head: (head) => console.log(`reply ${head.status}`),
  data: (_bytes, start, end) => stream?.consumed(end - start),
  trailers: () => {},
  failed: (failure) => console.log(`failed: ${failure.kind}, ${failure.message}`),
  sent: () => {},
};
const binding = new SocketBinding(
  socket,
  'client',
  connectionDefaults,
  { clock: systemClock, scheduler: new FlushScheduler() },
  {
    // The suite says GOAWAY once it has seen what it wanted.
    goaway: () => binding.destroy('the suite is done'),
    ended: (error) => console.log(`ended: ${error?.message ?? 'in good order'}`),
  },
);
binding.start();
const stream = binding.connection.open(receiver);
stream?.head(
  HeaderBlock.of([':method', 'GET'], [':scheme', 'http'], [':authority', url.host], [':path', url.pathname]),
  true,
);
systemClock.after(patienceMs, () => binding.destroy('the suite said nothing more'));
