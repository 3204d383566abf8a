import { adsClientContract } from '../../../contract/ads-client.ts';

for (const delta of [false, true]) adsClientContract(delta);
