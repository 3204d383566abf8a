import { startGreeter } from '../support/greeter-server.ts';

/** A replica in a process of its own: `node replica-main.ts PORT NAME`. SIGTERM ends it as a rollout does. */

const [port, name] = process.argv.slice(2);
const greeter = await startGreeter({ port: Number(port), name });
process.on('SIGTERM', () => {
  void greeter.stop().then(() => process.exit(0));
});
process.on('message', (delayMs: number) => {
  greeter.delayMs = delayMs;
});
// Ends with who started it.
process.on('disconnect', () => process.exit(1));
process.send?.('ready');
