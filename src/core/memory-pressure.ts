/** Whether memory is so short that new work would cost the work under way. Asked once per call. */
export interface MemoryPressure {
  readonly high: boolean;
}
