import { replyTraffic, type Verdict } from '../../call/stage.ts';
import type { ReplyError } from '../../core/reply-error.ts';
import { formatSize } from '../../core/units.ts';
import { size } from '../../schema/scalar-type.ts';
import { key } from '../../schema/shape.ts';
import { definePolicy } from '../policy.ts';

/** How large the body of a request may be. */
export const bodyLimit = definePolicy({
  key: 'bodyLimit',
  schema: key(size({ min: '0B', max: '1024GiB' }), {
    otherwise: 'none',
    doc: 'Maximum size of the request body. For gRPC, all messages of a call and their length prefixes count. Outrigger refuses a request with a larger `content-length` immediately, and terminates a request whose body exceeds the limit, both with `body_too_large`.',
  }),

  compile(limitBytes) {
    const limit = formatSize(limitBytes);
    const tooLarge = (detail: string): ReplyError => ({
      code: 'body_too_large',
      detail,
      mayHaveProcessed: false,
    });
    const announced = (bytes: number): ReplyError =>
      tooLarge(`the request announces a body of ${bytes} bytes, and the route allows ${limit}`);
    // The endpoint may have begun with what it has.
    const sent: ReplyError = {
      ...tooLarge(`the body of the request is larger than the ${limit} that the route allows`),
      mayHaveProcessed: true,
    };
    return {
      policy: 'bodyLimit',
      appliesTo: replyTraffic,
      request(request): Verdict {
        const { contentLength } = request.requestHead;
        if (contentLength > limitBytes) return { kind: 'error', error: announced(contentLength) };
        // What is longer than its content-length is malformed, and never gets here (RFC 9113 section 8.1.1).
        if (request.requestEnded || contentLength >= 0) return null;
        let bytes = 0;
        request.follow({
          data(_bytes, start, end) {
            bytes += end - start;
            return bytes > limitBytes ? sent : null;
          },
        });
        return null;
      },
    };
  },
});
