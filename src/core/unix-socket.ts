import { chmodSync, chownSync, existsSync, lstatSync, readFileSync, renameSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';

/** Who may connect to a Unix socket. What is absent stays as the process's umask and user make it. */
export interface SocketAccess {
  /** Permission bits, for example `0o660`. Connecting requires the write bit (unix(7)). */
  readonly mode?: number | undefined;
  /** A name of /etc/passwd, or a number. */
  readonly user?: string | undefined;
  /** A name of /etc/group, or a number. */
  readonly group?: string | undefined;
}

/** Two processes that start together may each replace what the other found; one of them must end with an error. */
const takeOversMax = 3;

/**
 * Binds a server to a Unix socket. A socket file that a process left behind when it crashed is replaced; one on which a
 * process listens is not, and neither is a file that is no socket. Rejects with the system's error, or with a sentence
 * where the file at `path` or its new owner is the reason.
 */
export async function listenOnSocketFile(server: Server, path: string, access: SocketAccess): Promise<void> {
  for (let takeOvers = 0; ; takeOvers++) {
    try {
      await bind(server, path, access);
      madeFiles.set(server, { path, birth: birthOf(path) });
      return;
    } catch (error) {
      const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!inUse || takeOvers === takeOversMax || !(await removeAbandoned(path))) throw error;
    }
  }
}

/** The socket file that each server made. */
const madeFiles = new WeakMap<Server, { readonly path: string; readonly birth: string | null }>();

/**
 * Closes a server, and removes its socket file, where it has one. A file that another process has put in its place stays:
 * libuv removes whatever has the name, so that file gets another name for the moment.
 */
export function closeServer(server: Server, closed?: () => void): void {
  const made = madeFiles.get(server);
  const foreign = made !== undefined && server.listening && birthOf(made.path) !== made.birth;
  const aside = foreign ? setAside(made.path) : null;
  server.close(closed);
  if (made !== undefined && aside !== null) renameSync(aside, made.path);
}

/** Renames a file, and gives its new name; null where there is none, or it cannot be, and so cannot be removed either. */
function setAside(path: string): string | null {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    return aside;
  } catch {
    return null;
  }
}

/** Distinguishes a file from another that has its name later; a new mode or owner makes no difference. Null where there is none. */
function birthOf(path: string): string | null {
  const file = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  return file === undefined ? null : `${file.dev}:${file.ino}:${file.birthtimeNs}`;
}

/** Gives a socket file its mode and owner. Throws a sentence where this process may not. */
export function applySocketAccess(path: string, { mode, user, group }: SocketAccess): void {
  // Names are resolved first, so that an unknown one changes nothing.
  const [uid, gid] = [user === undefined ? -1 : userId(user), group === undefined ? -1 : groupId(group)];
  try {
    // The owner first: chown(2) clears some mode bits.
    if (uid !== -1 || gid !== -1) chownSync(path, uid, gid);
  } catch (error) {
    const owner = [user, group].filter((name) => name !== undefined).join(':');
    throw new Error(
      `the owner of ${path} cannot be set to ${owner}: ${reasonOf(error)}; only root may give a socket to another user, and other users only to a group of their own`,
    );
  }
  if (mode !== undefined) chmodSync(path, mode);
}

/** Why a server cannot be bound to a Unix socket, and what to do. */
export function socketFileTrouble(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another process listens on it; stop that process, or choose another path';
    case 'EINVAL':
    case 'ENAMETOOLONG':
      return 'the path is too long for a socket; choose one of at most 107 bytes';
    case 'EACCES':
      // libuv reports a folder that is missing with this code too.
      return existsSync(dirname(path))
        ? 'this user may not create a file there; choose another path'
        : 'its folder does not exist; create it, or choose another path';
    case 'ENOTDIR':
      return 'a part of the path is a file and no folder; choose another path';
    case 'EROFS':
      return 'the file system is read-only; choose another path';
    case 'ELOOP':
      return 'the path has a loop of symbolic links; choose another path';
    case 'EPERM':
    case 'ENOTSUP':
      return 'the file system allows no socket there; choose another path';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the file system is full; free some space, or choose another path';
    default:
      return error.message;
  }
}

function bind(server: Server, path: string, access: SocketAccess): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      server.off('listening', listening);
      reject(error);
    };
    const listening = (): void => {
      server.off('error', failed);
      resolve();
    };
    server.once('error', failed);
    server.once('listening', listening);
    server.listen({ path });
    // Node binds within `listen`, so no client connects before the file has its mode and owner.
    if (!server.listening) return;
    try {
      applySocketAccess(path, access);
    } catch (error) {
      server.off('error', failed);
      server.off('listening', listening);
      server.close();
      reject(error);
    }
  });
}

/**
 * Removes a socket file on which no process listens; false where a process does. Throws a sentence where the file is no
 * socket. The file is compared again right before it is removed, so that one which another process has bound meanwhile stays.
 */
async function removeAbandoned(path: string): Promise<boolean> {
  const before = identityOf(path);
  // It has gone since: the next attempt to bind decides.
  if (before === null) return true;
  if ((await connectError(path)) !== 'ECONNREFUSED') return false;
  if (identityOf(path) === before) unlinkSync(path);
  return true;
}

/** Distinguishes one file from another under the same name, also where the file system uses an inode number again. */
function identityOf(path: string): string | null {
  const file = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  if (file === undefined) return null;
  if (!file.isSocket()) {
    const kind = file.isDirectory() ? 'folder' : file.isSymbolicLink() ? 'symbolic link' : 'file';
    throw new Error(`${path} is a ${kind} and no socket; choose another path, or remove the ${kind}`);
  }
  return `${file.dev}:${file.ino}:${file.ctimeNs}`;
}

/** The code of the error with which connecting fails; empty where a process listens. */
function connectError(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve('');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

const userId = (user: string): number => idOf(user, '/etc/passwd', 'user');
const groupId = (group: string): number => idOf(group, '/etc/group', 'group');

/** In both files a line is `name:password:id:…` (passwd(5), group(5)). */
function idOf(name: string, file: string, noun: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  if (line === undefined)
    throw new Error(
      `there is no ${noun} ${JSON.stringify(name)} in ${file}; write one that exists, or its number`,
    );
  return Number(line.split(':')[2]);
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'not permitted' : (error as Error).message;
}
