import type { HeaderBlock } from '../core/header-block.ts';
import type { Candidate } from './candidate.ts';

/**
 * What ties the calls of one client, user or session to one endpoint. Only a cluster whose policy uses a key has one,
 * so that the calls of all others are not inspected.
 */
export interface Affinity {
  /**
   * The key of a call, '' where it has none. Bytes of the head as they are; never throws.
   *
   * @param clientAddress IP address, or '' for a Unix socket
   */
  keyOf(head: HeaderBlock, clientAddress: string): string;
  /** The head of the reply with what the client is to send next time; the same block where nothing is to be said. */
  bind(reply: HeaderBlock, key: string, endpoint: Candidate): HeaderBlock;
}
