/** What is this near to the visible part, in pixels, counts as in sight: a reader who scrolls meets no old figures. */
const marginPx = 150;
/** What is out of sight is updated this often all the same, milliseconds, for whoever reads it without scrolling to it. */
const staleMsMax = 20_000;

const listeners = new WeakMap();
const margin = `${marginPx}px`;
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) listeners.get(target)?.(isIntersecting);
  },
  { rootMargin: margin, scrollMargin: margin },
);

/**
 * Wraps `{ node, update(item) }` so that updates wait while the node is out of sight, collapsed or scrolled away: the browser then has
 * nothing to do for it. An update is never put off where `urgencyOf(item)`, a string, has changed.
 */
export function updatedInSight(view, urgencyOf = () => '') {
  // Until the browser has said where the node is, it counts as in sight.
  let isInSight = true;
  let waiting = null;
  let urgency;
  let updatedAt = 0;
  function apply(item) {
    waiting = null;
    urgency = urgencyOf(item);
    updatedAt = performance.now();
    view.update(item);
  }
  listeners.set(view.node, (next) => {
    isInSight = next;
    if (isInSight && waiting !== null) apply(waiting);
  });
  observer.observe(view.node);
  return {
    node: view.node,
    update(item) {
      const isStale = performance.now() - updatedAt >= staleMsMax;
      if (isInSight || isStale || urgencyOf(item) !== urgency) apply(item);
      else waiting = item;
    },
    removed() {
      observer.unobserve(view.node);
    },
  };
}
