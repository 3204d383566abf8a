import { createServer } from 'node:net';

/** The first of `count` ports in a row that nobody listens on; below the range that systems hand out by themselves. */
export async function freePorts(count: number): Promise<number> {
  for (let first = 20_000; first < 30_000; first += count) {
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports in a row between 20000 and 30000`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
