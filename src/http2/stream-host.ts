import type { ErrorCode } from '../core/error-code.ts';
import type { SendWindow } from './flow-window.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { PeerSettings } from './settings.ts';

/** What the connection knows of a stream that waits for a window. */
export interface WaitingStream {
  readonly id: number;
  /** Sends at most one frame of what waits; true while more could follow if windows allow. */
  sendOneFrame(): boolean;
}

/** What a stream needs of its connection; an interface so that stream and connection do not import each other. */
export interface StreamHost {
  readonly role: 'client' | 'server';
  /** Client role: false once the connection will never take another stream. */
  readonly accepting: boolean;
  readonly writer: FrameWriter;
  /** What the peer asked to be kept to. */
  readonly peer: Readonly<PeerSettings>;
  /** The connection's window for DATA that we send. */
  readonly sendWindow: SendWindow;
  /** How often written bytes were handed to the transport: what was written since has not left. */
  readonly flushCount: number;
  /** False while the transport pushes back or enough is written: DATA waits in its stream, where credit bounds it. */
  readonly takesData: boolean;
  /** The stream has DATA for which the connection (not the stream) has no room: wake it when it has. */
  wait(stream: WaitingStream): void;
  /** Whether a stream whose reader is behind may still get a larger window. */
  readonly mayGrow: boolean;
  /** This many bytes more, or fewer, wait in the stream. False when the connection holds more than its share. */
  queued(bytes: number): boolean;
  /** Bytes of received DATA that were disposed of. */
  released(bytes: number): void;
  /** The stream is over; `resetByUs` when late frames of the peer are to be expected, with up to `lateBytes` of DATA. */
  streamClosed(id: number, resetByUs: boolean, lateBytes: number): void;
  /** Sends RST_STREAM, at once or when it may. */
  resetStream(id: number, code: ErrorCode): void;
  /** A stream error of the peer's doing that we answer with RST_STREAM; counts as a glitch. */
  peerViolation(id: number, code: ErrorCode): void;
}
