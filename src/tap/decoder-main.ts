import { parentPort } from 'node:worker_threads';
import { Decoder } from './decoder.ts';
import type { DecoderAnswer, DecoderRequest } from './decoder-thread.ts';

// The entry of the thread that decodes messages.

const decoder = new Decoder();
const port = parentPort!;

port.on('message', ({ id, load, drop, reflect, reflected, decode }: DecoderRequest) => {
  const answer = (part: Omit<DecoderAnswer, 'id'>): void => port.postMessage({ id, ...part });
  if (load !== undefined) answer({ error: decoder.load(load.name, load.set) });
  else if (decode !== undefined) answer({ decoded: decoder.decode(decode) });
  else if (reflect !== undefined) answer({ step: decoder.reflect(reflect.name, reflect.service) });
  else if (reflected !== undefined) answer({ step: decoder.reflected(reflected.name, reflected.answer) });
  else if (drop !== undefined) decoder.drop(drop);
});
