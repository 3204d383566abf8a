/** A client that sends this many bytes while it is watched is slow and not stalled. */
const progressBytes = 1024;

/**
 * Finds the body of a request of which next to nothing comes, by regular checks. It would hold a connection to an HTTP/1.1
 * endpoint for as long as its client likes.
 */
export class UploadWatch {
  private movedBytes = 0;
  /** Consecutive checks without progress. */
  private checks = 0;

  /** Bytes of the body came. */
  moved(bytes: number): void {
    this.movedBytes += bytes;
  }

  /** Starts with another body, or where something else than the client holds this one up. */
  reset(): void {
    this.checks = 0;
  }

  /** To be called at regular times: true at more than `checksMax` checks in which next to nothing came. */
  isStalled(checksMax: number): boolean {
    if (this.checks === 0 || this.movedBytes >= progressBytes) {
      this.movedBytes = 0;
      this.checks = 1;
      return false;
    }
    this.checks++;
    return this.checks > checksMax + 1;
  }
}
