import { nearestName } from '../core/nearest.ts';
import type { Result } from '../core/result.ts';
import { parseFileDescriptor } from './descriptor-file.ts';
import type {
  EnumDescriptor,
  FieldDescriptor,
  MessageDescriptor,
  MethodDescriptor,
  ServiceDescriptor,
} from './descriptors.ts';

/** All of a large API, such as that of Google Ads, is about 3 MiB; more than this is a mistake or an attack. */
export const descriptorBytesMax = 8 * 1024 * 1024;
export const descriptorFilesMax = 2_000;

/** A method with the types of its messages. */
export interface ResolvedMethod {
  readonly method: MethodDescriptor;
  readonly input: MessageDescriptor;
  readonly output: MessageDescriptor;
}

/** Definitions of services and messages, from a reflection service, a descriptor set or .proto files. Bounded in size. */
export class DescriptorPool {
  private readonly files = new Set<string>();
  private readonly dependencies = new Set<string>();
  private readonly types = new Map<string, MessageDescriptor | EnumDescriptor>();
  private readonly services = new Map<string, ServiceDescriptor>();
  private readonly resolved = new Map<FieldDescriptor, MessageDescriptor | EnumDescriptor | null>();
  private bytes = 0;

  /** Adds a `FileDescriptorProto`; a file that is there already is left as it is. Returns the problem, '' for none. */
  add(file: Buffer): string {
    this.bytes += file.length;
    if (this.bytes > descriptorBytesMax)
      return `the definitions are larger than ${descriptorBytesMax / 1024 / 1024} MiB`;
    const parsed = parseFileDescriptor(file);
    if (parsed.error !== undefined) return parsed.error;
    const { name, dependencies, messages, enums, services } = parsed.value;
    if (this.files.has(name)) return '';
    if (this.files.size >= descriptorFilesMax)
      return `the definitions have more than ${descriptorFilesMax} files`;
    this.files.add(name);
    for (const dependency of dependencies) this.dependencies.add(dependency);
    for (const type of [...messages, ...enums]) this.types.set(type.fullName, type);
    for (const service of services) this.services.set(service.fullName, service);
    this.resolved.clear();
    return '';
  }

  /** Returns a file that another file imports and that is not there yet, other than those of `except`. */
  missingFile(except: ReadonlySet<string>): string | undefined {
    for (const name of this.dependencies) if (!this.files.has(name) && !except.has(name)) return name;
    return undefined;
  }

  get serviceNames(): readonly string[] {
    return [...this.services.keys()].sort();
  }

  service(name: string): ServiceDescriptor | undefined {
    return this.services.get(name);
  }

  message(name: string): MessageDescriptor | undefined {
    const type = this.types.get(name.replace(/^\./, ''));
    return type?.kind === 'message' ? type : undefined;
  }

  /** Returns the message or enum that a value has as its type; undefined where its definition is missing. */
  typeOf(field: FieldDescriptor): MessageDescriptor | EnumDescriptor | undefined {
    let type = this.resolved.get(field);
    if (type === undefined) {
      type = this.resolve(field.typeName, field.scope) ?? null;
      this.resolved.set(field, type);
    }
    return type ?? undefined;
  }

  /**
   * Finds a method by `package.Service/Method`, with or without a slash in front. The error of a wrong name has the nearest
   * one, and the methods of the service.
   */
  method(name: string): Result<ResolvedMethod> {
    const [serviceName, methodName] = name.replace(/^\//, '').split('/');
    const service = this.services.get(serviceName);
    if (service === undefined) {
      const near = nearestName(serviceName, this.serviceNames);
      return {
        error: `there is no service "${serviceName}"${near === undefined ? '' : `; did you mean "${near}"?`}`,
      };
    }
    const method = service.methods.get(methodName);
    if (method === undefined)
      return {
        error: `the service "${serviceName}" has no method "${methodName}"; it has ${listed([...service.methods.keys()])}`,
      };
    const input = this.messageIn(method.input, serviceName);
    const output = this.messageIn(method.output, serviceName);
    if (input === undefined || output === undefined) {
      const missing = input === undefined ? method.input : method.output;
      return { error: `the definition of the message "${missing.replace(/^\./, '')}" is missing` };
    }
    return { value: { method, input, output } };
  }

  private messageIn(name: string, scope: string): MessageDescriptor | undefined {
    const type = this.resolve(name, scope);
    return type?.kind === 'message' ? type : undefined;
  }

  /** Names with a leading dot are whole; others are searched from the innermost scope outwards, as protoc does. */
  private resolve(name: string, scope: string): MessageDescriptor | EnumDescriptor | undefined {
    if (name.startsWith('.')) return this.types.get(name.slice(1));
    for (let at = scope; ; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
      const found = this.types.get(at === '' ? name : `${at}.${name}`);
      if (found !== undefined || at === '') return found;
    }
  }
}

/** Names that one sentence can list. */
const listedMax = 12;

/** Names as one sentence can list them: the first ones, and how many more there are. */
export function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length - listedMax;
  return `${names.slice(0, listedMax).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
