import type { RequestView } from './stage.ts';

/** Sees each request as it starts, and may follow it (`RequestView.follow`). Must return at once, and must not throw. */
export interface RequestObserver {
  started(request: RequestView): void;
}

/** Shared by all listeners of a process. While nobody observes requests, each of them pays one comparison with null. */
export interface RequestWatch {
  observer: RequestObserver | null;
}
