/** The API server as discovery uses it; injected, so that tests need no network. */
export interface ApiServer {
  /**
   * Makes one GET. Nothing is called before this returns; then `head`, `data` and one of `end` and `failed`, or `failed` alone.
   * Returns what ends the request, after which nothing is called.
   *
   * @param pathOf gives path and query for the namespace that the credentials name, '' where they name none
   */
  get(pathOf: (namespace: string) => string, receiver: ReplyReceiver): () => void;
}

export interface ReplyReceiver {
  /** @param retryAfter the header, '' where there is none */
  head(status: number, retryAfter: string): void;
  data(chunk: Buffer): void;
  end(): void;
  /** No reply, or no more of it. */
  failed(error: string): void;
}
