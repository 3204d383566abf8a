import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import {
  applySocketAccess,
  closeServer,
  listenOnSocketFile,
  type SocketAccess,
} from '../../../src/core/unix-socket.ts';

describe('listenOnSocketFile', () => {
  const deferred: Array<() => unknown> = [];
  afterEach(async () => {
    for (let takeDown = deferred.pop(); takeDown !== undefined; takeDown = deferred.pop()) await takeDown();
  });

  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'outrigger-socket-'));
    deferred.push(() => rmSync(path, { recursive: true }));
    return path;
  }
  async function listen(path: string, access: SocketAccess = {}): Promise<Server> {
    const server = createServer((socket) => socket.on('error', () => {}).end('ours'));
    deferred.push(() => server.close());
    await listenOnSocketFile(server, path, access);
    return server;
  }
  /** Another process listens there, until a signal. */
  async function otherProcess(path: string) {
    const script = `require('node:net').createServer((s) => s.on('error', () => {}).end('theirs')).listen(process.argv[1], () => console.log('up'))`;
    const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      child.kill(signal);
      await exited;
    };
    deferred.push(() => end('SIGKILL'));
    await once(child.stdout, 'data');
    return { child, end };
  }
  async function saidBy(path: string): Promise<string> {
    const socket = connect({ path });
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    await once(socket, 'close');
    return text;
  }
  const failure = (work: Promise<unknown>): Promise<NodeJS.ErrnoException> =>
    work.then(
      () => new Error('it listens'),
      (error) => error,
    );

  it('replaces the socket file of a process that was killed', async () => {
    const path = join(folder(), 's');
    const other = await otherProcess(path);
    await other.end('SIGKILL');
    expect(lstatSync(path).isSocket()).to.equal(true);
    await listen(path);
    expect(await saidBy(path)).to.equal('ours');
  });

  it('replaces it again after the next crash', async () => {
    const path = join(folder(), 's');
    for (let crash = 0; crash < 3; crash++) {
      const other = await otherProcess(path);
      await other.end('SIGKILL');
      const server = await listen(path);
      expect(await saidBy(path)).to.equal('ours');
      await new Promise((closed) => server.close(closed));
      expect(lstatSync(path, { throwIfNoEntry: false })).to.equal(undefined);
    }
  });

  it('leaves one on which a process listens, even one that is stopped', async () => {
    const path = join(folder(), 's');
    const other = await otherProcess(path);
    expect((await failure(listen(path))).code).to.equal('EADDRINUSE');
    expect(await saidBy(path)).to.equal('theirs');
    other.child.kill('SIGSTOP');
    expect((await failure(listen(path))).code).to.equal('EADDRINUSE');
    other.child.kill('SIGCONT');
    expect(await saidBy(path)).to.equal('theirs');
  });

  it('leaves a file and a link that are no socket', async () => {
    const at = folder();
    const file = join(at, 'precious');
    writeFileSync(file, 'data');
    expect((await failure(listen(file))).message).to.equal(
      `${file} is a file and no socket; choose another path, or remove the file`,
    );
    const link = join(at, 'link');
    symlinkSync(file, link);
    expect((await failure(listen(link))).message).to.match(/is a symbolic link and no socket/);
    expect((await failure(listen(at))).message).to.match(/is a folder and no socket/);
    expect(readFileSync(file, 'utf8')).to.equal('data');
  });

  it('of two that find the same abandoned file, one gets the address and the other an error', async () => {
    const path = join(folder(), 's');
    const other = await otherProcess(path);
    await other.end('SIGKILL');
    const outcomes = await Promise.all([failure(listen(path)), failure(listen(path)), failure(listen(path))]);
    const texts = outcomes.map(({ code, message }) => code ?? message).sort();
    expect(texts).to.deep.equal(['EADDRINUSE', 'EADDRINUSE', 'it listens']);
    expect(await saidBy(path)).to.equal('ours');
  });

  it('removes its file at the end, whatever mode it has by then, and none that another process put there', async () => {
    const path = join(folder(), 's');
    const first = await listen(path, { mode: 0o600 });
    applySocketAccess(path, { mode: 0o666 });
    closeServer(first);
    expect(existsSync(path)).to.equal(false);

    const second = await listen(path);
    unlinkSync(path);
    await otherProcess(path);
    closeServer(second);
    // Once closed it has no file any more, whatever is there.
    closeServer(second);
    expect(await saidBy(path)).to.equal('theirs');
    expect(readdirSync(dirname(path))).to.deep.equal(['s']);
  });

  it('leaves a plain file that is there at the end', async () => {
    const path = join(folder(), 's');
    const server = await listen(path);
    unlinkSync(path);
    writeFileSync(path, 'kept');
    closeServer(server);
    expect(readFileSync(path, 'utf8')).to.equal('kept');
  });

  it('gives the file its mode and owner before anyone can connect', async () => {
    const path = join(folder(), 's');
    const { uid, gid } = lstatSync(join(path, '..'));
    await listen(path, { mode: 0o620, user: String(uid), group: String(gid) });
    const { mode, uid: ownUid, gid: ownGid } = lstatSync(path);
    expect([mode & 0o777, ownUid, ownGid]).to.deep.equal([0o620, uid, gid]);
  });

  it('finds the numbers of names in /etc/passwd and /etc/group', async () => {
    const path = join(folder(), 's');
    const [user, , uid] = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .find(([, , id]) => Number(id) === process.getuid?.())!;
    await listen(path, { user });
    expect(lstatSync(path).uid).to.equal(Number(uid));
  });

  it('binds nothing for an owner that does not exist', async () => {
    const path = join(folder(), 's');
    const { message } = await failure(listen(path, { mode: 0o666, user: 'no-such-user' }));
    expect(message).to.equal(
      'there is no user "no-such-user" in /etc/passwd; write one that exists, or its number',
    );
    expect(lstatSync(path, { throwIfNoEntry: false })).to.equal(undefined);
  });

  it('names the group that does not exist, and changes nothing', async () => {
    const path = join(folder(), 's');
    await listen(path, { mode: 0o600 });
    expect(() => applySocketAccess(path, { mode: 0o666, group: 'no-such-group' })).to.throw(
      'there is no group "no-such-group" in /etc/group',
    );
    expect(lstatSync(path).mode & 0o777).to.equal(0o600);
  });
});
