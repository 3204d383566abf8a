/** What Outrigger does with a field of a message. */
export type Treatment =
  /** It has an effect, as in Envoy or gRPC. */
  | 'honoured'
  /** It has none on requests: names, statistics, labels. */
  | 'without effect'
  /** It would have an effect in Envoy, and has none here; the status shows a warning. */
  | 'ignored'
  /** The resource is refused, because to ignore it would send requests to the wrong place or open what is to be closed. */
  | 'refused';

/** How the fields of one message are treated. Fields that no list names are ignored with a warning. */
export interface MessageFields {
  /** Without `envoy.` in front. */
  readonly message: string;
  readonly honoured: readonly string[];
  readonly withoutEffect: readonly string[];
  /** Fields that refuse the resource, each with what to do instead. */
  readonly refused: Readonly<Record<string, string>>;
  /** What differs from Envoy in a field, for the reference page. */
  readonly remarks: Readonly<Record<string, string>>;
  readonly treatments: ReadonlyMap<string, Treatment>;
}

interface FieldLists {
  readonly honoured?: string;
  readonly withoutEffect?: string;
  readonly refused?: Readonly<Record<string, string>>;
  readonly remarks?: Readonly<Record<string, string>>;
}

/** Declares a message; lists are names separated by spaces. */
export function fieldsOf(
  message: string,
  { honoured = '', withoutEffect = '', refused = {}, remarks = {} }: FieldLists,
): MessageFields {
  const lists = { honoured: words(honoured), withoutEffect: words(withoutEffect) };
  const treatments = new Map<string, Treatment>();
  for (const field of lists.honoured) treatments.set(field, 'honoured');
  for (const field of lists.withoutEffect) treatments.set(field, 'without effect');
  for (const field of Object.keys(refused)) treatments.set(field, 'refused');
  return { message, ...lists, refused, remarks, treatments };
}

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}
