import { Bystander } from './bystander.ts';
import type { Command } from './bystander-process.ts';

/** The honest client in a process of its own, told what to do by its parent; ends with it. */
let bystander: Bystander | null = null;

async function obey(command: Command): Promise<unknown> {
  switch (command.do) {
    case 'begin':
      bystander = new Bystander(command.target, command.control);
      return null;
    case 'tally':
      return bystander?.tally();
    case 'stop':
      await bystander?.stop();
      return null;
  }
}

process.on('message', (command: Command) => void obey(command).then((answer) => process.send?.({ answer })));
process.on('disconnect', () => process.exit(0));
process.send?.({ answer: 'ready' });
