/**
 * The engine as a client: one GET to the URL given, then it listens until the connection ends. `h2specd` starts it anew
 * for each of its cases: `h2specd --exec 'node test/conformance/h2-client.ts'`. With `--through PORT` the GET goes to a
 * sidecar there, its path being the port of the URL, and is over with its reply: the sidecar is the client that is judged.
 */
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/core/clock.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import type { StreamReceiver } from '../../src/core/message-stream.ts';
import { bindHttp2 } from '../../src/http2/bind.ts';
import { connectionDefaults } from '../../src/http2/options.ts';
import { FlushScheduler } from '../../src/transport/flush-scheduler.ts';

/** Below the three seconds that h2specd gives a case, and above the two in which the engine has to answer. */
const patienceMs = 2600;

const { values, positionals } = parseArgs({
  options: { through: { type: 'string' } },
  allowPositionals: true,
});
const through = values.through;
const url = new URL(positionals[0] ?? 'http://127.0.0.1:30000/');
const socket = connect({ host: url.hostname, port: Number(through ?? url.port) });
const receiver: StreamReceiver = {
  head(head, end) {
    console.log(`reply ${head.status}`);
    if (end) answered();
  },
  data(_bytes, start, end, last) {
    stream?.consumed(end - start);
    if (last) answered();
  },
  trailers: () => answered(),
  failed(failure) {
    console.log(`failed: ${failure.kind}, ${failure.message}`);
    answered();
  },
  sent: () => {},
};
const binding = bindHttp2(
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
function answered(): void {
  if (through !== undefined) binding.destroy('the call is over');
}

binding.start();
const stream = binding.connection.open(receiver);
stream?.head(
  HeaderBlock.of(
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', url.host],
    [':path', through === undefined ? url.pathname : `/${url.port}`],
  ),
  true,
);
systemClock.after(patienceMs, () => binding.destroy('the suite said nothing more'));
