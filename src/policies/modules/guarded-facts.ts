import type { PolicyFact, Stage } from '../../call/stage.ts';
import { Failed, type ModuleWatch } from './module-watch.ts';

const unavailable: readonly PolicyFact[] = [{ name: 'facts', text: 'unavailable: the module failed' }];

/** Returns the facts of a module. An exception or a wrong value is logged and counted, and one fact says so. */
export function guardedFacts(stage: Stage, watch: ModuleWatch): readonly PolicyFact[] {
  const facts = watch.run('facts', () => copied(stage.facts!()));
  if (facts instanceof Failed) return unavailable;
  if (facts !== null) return facts;
  watch.failed('facts', 'wrong value', 'facts returned something other than [{ name, text }]');
  return unavailable;
}

/** A copy, which the module cannot change later; null for a value of another shape. */
function copied(facts: unknown): PolicyFact[] | null {
  if (!Array.isArray(facts)) return null;
  const copies = facts.map((fact: Partial<PolicyFact> | null) => ({ name: fact?.name, text: fact?.text }));
  const isFact = (fact: { name: unknown; text: unknown }): fact is PolicyFact =>
    typeof fact.name === 'string' && typeof fact.text === 'string';
  return copies.every(isFact) ? copies : null;
}
