import type { Candidate } from './candidate.ts';
import { LevelSpill, type ZoneMembers } from './zone-spill.ts';

/** What decides on which priority and zone a call goes to, before a policy decides on the endpoint. */
export interface PrioritySettings {
  /** Below this part of usable endpoints all are used; 0 for never. */
  readonly panicPercent: number;
  /** Whether the endpoints of the own zone come first. */
  readonly preferZone: boolean;
  /** Whether requests leave the own zone where its endpoints report more load than others; see `LevelSpill`. */
  readonly zoneSpill?: boolean;
}

/** What was learned of each priority from load reports. */
export type ZoneSpill = Map<number, LevelSpill>;

/** Endpoints that share a part of the calls among them. */
export interface Group<E> {
  readonly endpoints: readonly E[];
  /** Part of all calls; 0 for those that only step in where all others were used. */
  readonly share: number;
  /** In plain words, '' where there is nothing to say: `priority 1 (40% of the requests)`. */
  readonly why: string;
  /** The next pick goes here whatever the shares are, for the load report that comes of it. */
  readonly isProbed?: boolean;
}

/** This many times its share of endpoints a priority can lose before calls spill over: with 72% left it carries all. */
const overprovisioning = 1.4;

/**
 * Who gets which part of the calls. By configured weights: an endpoint in slow start is no lost capacity.
 *
 * Priorities as in Envoy: one carries 1.4 times the part of it that is usable, as long as there are calls left; the next ones
 * have the rest. Where all together cannot carry everything, each has its part of what they can. Worked example: half of
 * priority 0 is usable, all of priority 1: 70% and 30%. A quarter and a quarter: 35% each, so half and half.
 *
 * @param usable those of `members` that may be used
 * @param members all but those that are to get no calls whatever happens
 * @param localZone '' where it is not known
 * @param spill what `learnZoneLoads` learned; null for none
 */
export function distributeByPriority<E extends Candidate>(
  usable: readonly E[],
  members: readonly E[],
  settings: PrioritySettings,
  localZone: string,
  spill: ZoneSpill | null = null,
): Group<E>[] {
  const levels = levelsOf(usable, members);
  const carried = levels.map((level) => Math.min(1, overprovisioning * level.usablePart));
  const total = Math.min(1, sum(carried));
  const groups: Group<E>[] = [];
  let left = 1;
  levels.forEach((level, i) => {
    const panics = inPanic(level, settings.panicPercent, levels.length === 1 || total < 1);
    // With nothing usable anywhere each priority that panics has its part of the weight there is.
    const portion = total > 0 ? carried[i] / total : level.weight / sum(levels.map(({ weight }) => weight));
    const share = Math.min(left, portion);
    left -= share;
    const endpoints = panics ? level.members : level.usable;
    if (endpoints.length === 0) return;
    const why: string[] = [];
    if (levels.length > 1) why.push(`priority ${level.priority} (${percent(share)} of the requests)`);
    if (panics)
      why.push(`fewer than ${settings.panicPercent}% of the endpoints are usable, so any may be picked`);
    const division = settings.preferZone && !panics ? zonesOf(level, localZone) : null;
    const zones = division && byZone(division, spill?.get(level.priority) ?? null);
    for (const zone of zones ?? [{ endpoints, share: 1, why: '' }]) {
      const reasons = zone.why === '' ? why : [...why, zone.why];
      groups.push({ endpoints: zone.endpoints, share: share * zone.share, why: reasons.join(', ') });
    }
  });
  return groups;
}

interface Level<E> {
  readonly priority: number;
  readonly members: readonly E[];
  readonly usable: readonly E[];
  readonly weight: number;
  /** Part of the weight that is usable. */
  readonly usablePart: number;
}

function levelsOf<E extends Candidate>(usable: readonly E[], members: readonly E[]): Level<E>[] {
  const priorities = [...new Set(members.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities.map((priority) => {
    const all = members.filter((endpoint) => endpoint.priority === priority);
    const usableHere = usable.filter((endpoint) => endpoint.priority === priority);
    const weight = weightOf(all);
    return { priority, members: all, usable: usableHere, weight, usablePart: weightOf(usableHere) / weight };
  });
}

function inPanic(level: Level<Candidate>, panicPercent: number, needed: boolean): boolean {
  return needed && level.usablePart * 100 < panicPercent;
}

/**
 * Takes in the load reports of the endpoints, about once a second, and returns the zone of each priority that the next request should go
 * to for its report alone. `picks` are those since the last time.
 */
export function learnZoneLoads<E extends Candidate>(
  usable: readonly E[],
  members: readonly E[],
  localZone: string,
  spill: ZoneSpill,
  picks: number,
  nowMs: number,
): Map<number, string> {
  const probed = new Map<number, string>();
  for (const level of levelsOf(usable, members)) {
    const division = zonesOf(level, localZone);
    if (division === null) continue;
    const { local, localShare, others } = division;
    const learned = spill.get(level.priority) ?? new LevelSpill();
    spill.set(level.priority, learned);
    const whole = weightOf(local.endpoints) + sum(others.map(({ endpoints }) => weightOf(endpoints)));
    learned.learn(local, others, weightOf(local.endpoints) / whole / localShare, nowMs);
    const zone = learned.probe(local, others, picks, nowMs);
    if (zone !== null) probed.set(level.priority, zone);
  }
  return probed;
}

/** The usable endpoints of a priority by zone. */
interface ZoneDivision<E extends Candidate> {
  readonly local: ZoneMembers<E>;
  /** Part of the requests that the own zone should take by its weight. */
  readonly localShare: number;
  /** Those with usable endpoints; `spare` is the part of the weight beyond an even one. */
  readonly others: ReadonlyArray<ZoneMembers<E> & { readonly spare: number }>;
}

/**
 * The own zone first, while it can carry its share. What other sidecars do is not known here; it is taken that each zone has
 * as many calls as the next. So with Z zones the own one takes all of ours if it has 1/Z of the usable weight or more, and
 * else that part of them for which it has the weight; the rest goes to zones that have more than 1/Z, by what they have more
 * (Envoy's zone-aware routing). Null where zones make no difference.
 */
function zonesOf<E extends Candidate>(
  { usable, members }: Level<E>,
  localZone: string,
): ZoneDivision<E> | null {
  const zones = new Set(members.map(({ zone }) => zone));
  const local = usable.filter(({ zone }) => zone === localZone);
  if (localZone === '' || zones.size < 2 || local.length === 0) return null;
  const even = 1 / zones.size;
  const all = weightOf(usable);
  const others = [...zones]
    .filter((zone) => zone !== localZone)
    .map((zone) => {
      const endpoints = usable.filter((endpoint) => endpoint.zone === zone);
      return { zone, endpoints, spare: Math.max(0, weightOf(endpoints) / all - even) };
    })
    .filter(({ endpoints }) => endpoints.length > 0);
  return {
    local: { zone: localZone, endpoints: local },
    localShare: Math.min(1, weightOf(local) / all / even),
    others,
  };
}

/** Shares of the zones by their weights, and by what was learned of their load: of the part of the own zone, some goes to others. */
function byZone<E extends Candidate>(
  { local, localShare, others }: ZoneDivision<E>,
  spill: LevelSpill | null,
): Group<E>[] {
  const spare = sum(others.map((other) => other.spare));
  const spilled = spill === null || spill.parts.size === 0 ? 0 : localShare * (1 - spill.kept);
  const reason = spilled > 0 ? `: ${spill?.reason}` : '';
  const described = (zone: string, share: number) => `zone ${zone || 'unknown'} (${percent(share)}${reason})`;
  const kept = localShare - spilled;
  return [
    { endpoints: local.endpoints, share: kept, why: described(local.zone, kept) },
    ...others.map((other) => {
      const byWeight = spare > 0 ? ((1 - localShare) * other.spare) / spare : 0;
      const share = byWeight + spilled * (spill?.parts.get(other.zone) ?? 0);
      return { endpoints: other.endpoints, share, why: described(other.zone, share) };
    }),
  ];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const weightOf = (endpoints: readonly Candidate[]): number =>
  sum(endpoints.map(({ configuredWeight }) => configuredWeight));
const percent = (part: number): string => `${Math.round(part * 100)}%`;
