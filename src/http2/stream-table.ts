/** Slots looked at by a shift and a mask; ids of concurrent streams are close together, so they rarely collide. */
const slotCountInitial = 16;
const slotCountMax = 4096;
/** A table that grew beyond this gives its memory back once it is empty; smaller ones would only grow again. */
const slotCountKept = 1024;

/**
 * Streams by id. A direct-mapped table with a Map for what collides: measured at c10 m100 to cost 0.8 µs less per
 * call than a Map alone. It starts small, for the sake of a thousand idle connections.
 */
export class StreamTable<S extends { readonly id: number }> {
  private slots: Array<S | null> = new Array(slotCountInitial).fill(null);
  private overflow: Map<number, S> | null = null;
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(id: number): S | undefined {
    const slot = this.slots[(id >>> 1) & (this.slots.length - 1)];
    if (slot !== null && slot.id === id) return slot;
    return this.overflow === null ? undefined : this.overflow.get(id);
  }

  set(stream: S): void {
    this.count++;
    if (this.count * 2 > this.slots.length && this.slots.length < slotCountMax) this.grow();
    this.place(stream);
  }

  delete(id: number): void {
    const index = (id >>> 1) & (this.slots.length - 1);
    const slot = this.slots[index];
    if (slot !== null && slot.id === id) {
      this.slots[index] = null;
      this.count--;
    } else if (this.overflow?.delete(id)) this.count--;
    if (this.count === 0 && this.slots.length > slotCountKept) {
      this.slots = new Array(slotCountInitial).fill(null);
      this.overflow = null;
    }
  }

  /** A copy, since whoever walks it ends streams on the way. */
  all(): S[] {
    const streams = this.slots.filter((slot): slot is S => slot !== null);
    if (this.overflow !== null) streams.push(...this.overflow.values());
    return streams;
  }

  private place(stream: S): void {
    const index = (stream.id >>> 1) & (this.slots.length - 1);
    if (this.slots[index] === null) this.slots[index] = stream;
    else {
      this.overflow ??= new Map();
      this.overflow.set(stream.id, stream);
    }
  }

  private grow(): void {
    const streams = this.all();
    this.slots = new Array(this.slots.length * 4).fill(null);
    this.overflow = null;
    for (const stream of streams) this.place(stream);
  }
}
