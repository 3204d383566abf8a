/** Frames cut and judged as RFC 9113 sections 4.1 and 6 word it; knows nothing of `src/`. */

export interface WireFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** The whole frames in `bytes`, and what is left of them. A frame longer than `lengthMax` ends the list. */
export function cutFrames(
  bytes: Buffer,
  lengthMax: number,
): { frames: WireFrame[]; rest: Buffer; tooLong: number } {
  const frames: WireFrame[] = [];
  let at = 0;
  while (bytes.length - at >= 9) {
    const length = bytes.readUIntBE(at, 3);
    if (length > lengthMax) return { frames, rest: bytes.subarray(at), tooLong: length };
    if (bytes.length - at < 9 + length) break;
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      streamId: bytes.readUInt32BE(at + 5) % 0x8000_0000,
      payload: bytes.subarray(at + 9, at + 9 + length),
    });
    at += 9 + length;
  }
  return { frames, rest: bytes.subarray(at), tooLong: 0 };
}

/** Bytes of one frame. */
export function frameBytes(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId >>> 0, 5);
  return Buffer.concat([head, payload]);
}

const PROTOCOL_ERROR = 1;
const FRAME_SIZE_ERROR = 6;

/** Section 6, frame by frame: the errors that a frame is by itself. 0 where it is none. */
export function frameFault({ type, flags, streamId, payload }: WireFrame): readonly number[] {
  const faults: number[] = [];
  const onStream = [0, 1, 2, 3, 5, 9];
  const onConnection = [4, 6, 7];
  if (onStream.includes(type) && streamId === 0) faults.push(PROTOCOL_ERROR);
  if (onConnection.includes(type) && streamId !== 0) faults.push(PROTOCOL_ERROR);
  const fixed: Record<number, number> = { 2: 5, 3: 4, 6: 8, 8: 4 };
  if (fixed[type] !== undefined && payload.length !== fixed[type]) faults.push(FRAME_SIZE_ERROR);
  if (type === 4 && payload.length % 6 !== 0) faults.push(FRAME_SIZE_ERROR);
  if (type === 4 && (flags & 1) === 1 && payload.length > 0) faults.push(FRAME_SIZE_ERROR);
  if (type === 7 && payload.length < 8) faults.push(FRAME_SIZE_ERROR);
  if (type === 8 && payload.length === 4 && payload.readUInt32BE(0) % 0x8000_0000 === 0)
    faults.push(PROTOCOL_ERROR);
  if (type === 0 || type === 1 || type === 5) faults.push(...paddedFaults(type, flags, payload));
  return faults;
}

/** Sections 6.1, 6.2 and 6.6: padding must leave room for the fields that are always there. */
function paddedFaults(type: number, flags: number, payload: Buffer): number[] {
  const padded = (flags & 8) !== 0;
  const fields = type === 5 ? 4 : type === 1 && (flags & 0x20) !== 0 ? 5 : 0;
  if (payload.length < fields + (padded ? 1 : 0)) return [FRAME_SIZE_ERROR];
  if (padded && payload.readUInt8(0) > payload.length - 1 - fields) return [PROTOCOL_ERROR];
  if (type !== 5) return [];
  const promised = payload.readUInt32BE(padded ? 1 : 0) % 0x8000_0000;
  return promised === 0 || promised % 2 === 1 ? [PROTOCOL_ERROR] : [];
}
