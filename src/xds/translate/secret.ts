import { certificateFields, secretFields, validationFields } from './fields/listener-fields.ts';
import type { SecretModel, Translation } from './model.ts';
import { readAuthorities, readCertificate } from './tls.ts';
import { type TranslatedResource, translation } from './translation.ts';

/** Translates a secret of SDS: a certificate with its key, or CA certificates. */
export function translateSecret(resource: TranslatedResource): Translation<SecretModel> {
  return translation<SecretModel>(resource, secretFields, (reader) => {
    reader.text('name');
    const certificate = reader.message('tls_certificate', certificateFields);
    const validation = reader.message('validation_context', validationFields);
    if (certificate !== undefined)
      return { kind: 'certificate', certificate: readCertificate(certificate) ?? nothing.certificate };
    const authorities = validation === undefined ? undefined : readAuthorities(validation);
    for (const names of ['match_typed_subject_alt_names', 'match_subject_alt_names'])
      if (validation?.has(names) === true)
        validation.problem(names, 'is not supported in a secret; send the name in the cluster');
    if (authorities === undefined)
      reader.problem('', 'has neither a certificate nor CA certificates; send one of them');
    return { kind: 'authorities', authorities: authorities ?? nothing.authorities };
  });
}

/** Stands for what a refused secret lacks. */
const empty = { kind: 'text', text: '' } as const;
const nothing = { certificate: { chain: empty, key: empty }, authorities: empty };
