import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { frameHeaderBytes } from '../../../src/http2/frame.ts';
import { applySettings, defaultPeerSettings, SettingId } from '../../../src/http2/settings.ts';
import { settings } from './support.ts';

function apply(parameters: ReadonlyArray<readonly [number, number]>, peerIsServer = false) {
  const peer = defaultPeerSettings();
  const tableSizes: number[] = [];
  const encoder = { setPeerTableBytesMax: (bytes: number) => tableSizes.push(bytes) };
  const wire = settings(...parameters);
  const error = applySettings(peer, encoder, peerIsServer, wire, frameHeaderBytes, wire.length);
  return { peer, error, tableSizes };
}

describe('http2/settings', () => {
  it('are those of the RFC until the peer says otherwise', () => {
    expect(defaultPeerSettings()).to.deep.equal({
      headerTableBytes: 4096,
      maxConcurrentStreams: Number.POSITIVE_INFINITY,
      initialWindowBytes: 65_535,
      maxFrameBytes: 16_384,
      headerListBytesMax: Number.POSITIVE_INFINITY,
      extendedConnect: false,
    });
  });

  it('end with the frame, whatever stands behind it', () => {
    const peer = defaultPeerSettings();
    const wire = Buffer.concat([settings([4, 1000]), settings([4, 2000]).subarray(frameHeaderBytes)]);
    const encoder = { setPeerTableBytesMax: () => {} };
    applySettings(peer, encoder, false, wire, frameHeaderBytes, frameHeaderBytes + 6);
    expect(peer.initialWindowBytes).to.equal(1000);
  });

  it('are taken from the frame, unknown ones ignored', () => {
    const { peer, error } = apply([
      [SettingId.HEADER_TABLE_SIZE, 0xffff_ffff],
      [SettingId.ENABLE_PUSH, 0],
      [SettingId.MAX_CONCURRENT_STREAMS, 0],
      [SettingId.INITIAL_WINDOW_SIZE, 0x7fff_ffff],
      [SettingId.MAX_FRAME_SIZE, 16_777_215],
      [SettingId.MAX_HEADER_LIST_SIZE, 7],
      [0x0999, 0xffff_ffff],
    ]);
    expect(error).to.equal(ErrorCode.NO_ERROR);
    expect(peer).to.deep.equal({
      headerTableBytes: 0xffff_ffff,
      maxConcurrentStreams: 0,
      initialWindowBytes: 0x7fff_ffff,
      maxFrameBytes: 16_777_215,
      headerListBytesMax: 7,
      extendedConnect: false,
    });
  });

  it('are known by the numbers of the RFC, and each changes what it names and nothing else', () => {
    const names = [
      [1, 'headerTableBytes'],
      [3, 'maxConcurrentStreams'],
      [4, 'initialWindowBytes'],
      [5, 'maxFrameBytes'],
      [6, 'headerListBytesMax'],
    ] as const;
    for (const [id, name] of names)
      expect(apply([[id, 20_000]]).peer, name).to.deep.equal({ ...defaultPeerSettings(), [name]: 20_000 });
    // Both bytes of an identifier count: these are unknown.
    for (const [id] of names) expect(apply([[0x100 + id, 20_000]]).peer).to.deep.equal(defaultPeerSettings());
    expect(apply([[5, 16_384]]).error).to.equal(ErrorCode.NO_ERROR);
    expect(apply([]).error).to.equal(ErrorCode.NO_ERROR);
  });

  it('count in their order: the last of two wins, and the encoder hears of each table size', () => {
    const { peer, tableSizes } = apply([
      [SettingId.HEADER_TABLE_SIZE, 0],
      [SettingId.INITIAL_WINDOW_SIZE, 1],
      [SettingId.HEADER_TABLE_SIZE, 4096],
      [SettingId.INITIAL_WINDOW_SIZE, 2],
    ]);
    expect(peer.headerTableBytes).to.equal(4096);
    expect(peer.initialWindowBytes).to.equal(2);
    expect(tableSizes).to.deep.equal([0, 4096]);
  });

  it('takes extended CONNECT, which its peer must not take back (RFC 8441 section 3)', () => {
    const id = SettingId.ENABLE_CONNECT_PROTOCOL;
    expect(apply([[id, 0]], true).peer.extendedConnect).to.equal(false);
    expect(apply([[id, 1]], true).peer.extendedConnect).to.equal(true);
    const back = apply(
      [
        [id, 1],
        [id, 0],
      ],
      true,
    );
    expect(back.error).to.equal(ErrorCode.PROTOCOL_ERROR);
  });

  const wrong: ReadonlyArray<
    readonly [what: string, id: number, value: number, peerIsServer: boolean, ErrorCode]
  > = [
    ['push of 2', SettingId.ENABLE_PUSH, 2, false, ErrorCode.PROTOCOL_ERROR],
    ['push enabled by a server', SettingId.ENABLE_PUSH, 1, true, ErrorCode.PROTOCOL_ERROR],
    ['push enabled by a client', SettingId.ENABLE_PUSH, 1, false, ErrorCode.NO_ERROR],
    ['a window of 2^31', SettingId.INITIAL_WINDOW_SIZE, 0x8000_0000, false, ErrorCode.FLOW_CONTROL_ERROR],
    ['frames below 16,384', SettingId.MAX_FRAME_SIZE, 16_383, false, ErrorCode.PROTOCOL_ERROR],
    ['extended CONNECT of 2', SettingId.ENABLE_CONNECT_PROTOCOL, 2, true, ErrorCode.PROTOCOL_ERROR],
    ['frames above 2^24 - 1', SettingId.MAX_FRAME_SIZE, 16_777_216, false, ErrorCode.PROTOCOL_ERROR],
  ];
  for (const [what, id, value, peerIsServer, error] of wrong) {
    it(`${what}: error ${error}`, () => {
      expect(apply([[id, value]], peerIsServer).error).to.equal(error);
    });
  }
});
