import { ErrorCode } from '../core/error-code.ts';
import { windowBytesDefault, windowBytesMax } from './flow-window.ts';
import { frameBytesDefault, readU32 } from './frame.ts';

/** SETTINGS identifiers, RFC 9113 section 6.5.2 and RFC 8441 section 3. */
export const SettingId = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
  ENABLE_CONNECT_PROTOCOL: 0x8,
} as const;

/** The settings of the peer; before its first SETTINGS, the RFC's defaults. */
export interface PeerSettings {
  headerTableBytes: number;
  maxConcurrentStreams: number;
  initialWindowBytes: number;
  maxFrameBytes: number;
  headerListBytesMax: number;
  /** A server takes extended CONNECT (RFC 8441 section 3). */
  extendedConnect: boolean;
}

export function defaultPeerSettings(): PeerSettings {
  return {
    headerTableBytes: 4096,
    maxConcurrentStreams: Number.POSITIVE_INFINITY,
    initialWindowBytes: windowBytesDefault,
    maxFrameBytes: frameBytesDefault,
    headerListBytesMax: Number.POSITIVE_INFINITY,
    extendedConnect: false,
  };
}

/** The largest frame anyone may ask for, RFC 9113 section 6.5.2. */
const frameBytesCeiling = 16_777_215;

/** What hears of each SETTINGS_HEADER_TABLE_SIZE: the HPACK encoder. */
export interface TableLimited {
  setPeerTableBytesMax(bytes: number): void;
}

/**
 * Applies a SETTINGS payload in order of its parameters; unknown ones are ignored (RFC 9113 section 6.5.2).
 * Returns the connection error a bad value is, or NO_ERROR. `peerIsServer`: a server must not enable push.
 *
 * The encoder gets every table size and not the last alone: one that went down and up again in a single frame
 * has emptied the peer's table, and the encoder has to say so (RFC 7541 section 4.2).
 */
export function applySettings(
  settings: PeerSettings,
  encoder: TableLimited,
  peerIsServer: boolean,
  bytes: Uint8Array,
  start: number,
  end: number,
): ErrorCode {
  for (let at = start; at < end; at += 6) {
    const value = readU32(bytes, at + 2);
    switch ((bytes[at] << 8) | bytes[at + 1]) {
      case SettingId.HEADER_TABLE_SIZE:
        settings.headerTableBytes = value;
        encoder.setPeerTableBytesMax(value);
        break;
      case SettingId.ENABLE_PUSH:
        if (value > 1 || (peerIsServer && value === 1)) return ErrorCode.PROTOCOL_ERROR;
        break;
      case SettingId.MAX_CONCURRENT_STREAMS:
        settings.maxConcurrentStreams = value;
        break;
      case SettingId.INITIAL_WINDOW_SIZE:
        if (value > windowBytesMax) return ErrorCode.FLOW_CONTROL_ERROR;
        settings.initialWindowBytes = value;
        break;
      case SettingId.MAX_FRAME_SIZE:
        if (value < frameBytesDefault || value > frameBytesCeiling) return ErrorCode.PROTOCOL_ERROR;
        settings.maxFrameBytes = value;
        break;
      case SettingId.MAX_HEADER_LIST_SIZE:
        settings.headerListBytesMax = value;
        break;
      case SettingId.ENABLE_CONNECT_PROTOCOL:
        // Who has allowed it must not take it back.
        if (value > 1 || (settings.extendedConnect && value === 0)) return ErrorCode.PROTOCOL_ERROR;
        settings.extendedConnect = value === 1;
        break;
    }
  }
  return ErrorCode.NO_ERROR;
}
