import { FieldKind } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import { LoadReport, notReported } from '../load-report/load-report.ts';
import {
  binaryReport,
  binaryReportName,
  findReport,
  textReportName,
  withoutReport,
} from '../load-report/reply-report.ts';
import { dueAfterReport } from '../load-report/report-pace.ts';
import { encodedName, ReportWriter } from '../load-report/report-writer.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { ServiceLoad } from '../upstream/service-load.ts';
import { type RequestView, replyTraffic, type Stage } from './stage.ts';

/** Returns the stage that adds the load of the replica to its replies; for the routes of an inbound listener. */
export function reportLoad(): Stage {
  const reporter = new LoadReporter();
  return {
    policy: 'reportLoad',
    appliesTo: replyTraffic,
    reply(request, head, endpoint) {
      if (endpoint === null) return head;
      // A gRPC reply carries its report with its status (gRFC A51).
      const isLast = request.traffic !== 'grpc' || head.hasAny(1 << FieldKind.GrpcStatus);
      return isLast ? reporter.withReport(request, head, endpoint) : head;
    },
    trailers(request, trailers, endpoint) {
      if (endpoint === null || request.traffic !== 'grpc') return trailers;
      return reporter.withReport(request, trailers, endpoint);
    },
  };
}

class LoadReporter {
  private readonly grpc = new ReportWriter(encodedName(binaryReportName), '');
  private readonly http = new ReportWriter(encodedName(textReportName), 'BIN ');
  private readonly report = new LoadReport();

  withReport(request: RequestView, block: HeaderBlock, endpoint: Endpoint): HeaderBlock {
    const { peer, record } = request;
    const nowMs = request.clock.now();
    const dueMs = dueAfterReport(peer.reportDueMs ?? Number.NEGATIVE_INFINITY, nowMs);
    if (dueMs < 0) return block;
    peer.reportDueMs = dueMs;
    endpoint.service ??= new ServiceLoad(endpoint.error, nowMs);
    // Reply heads are noted as they come, and before the trailers.
    endpoint.service.replied(record.headMs - record.attempts[record.attempts.length - 1].startedMs);
    const writer = request.traffic === 'grpc' ? this.grpc : this.http;
    const replicas = findReport(block);
    if (replicas === null) {
      writer.begin(null);
      return new HeaderBlock([writer.finish(this.measure(request, endpoint, nowMs), false)], block);
    }
    // The replica reports by itself: its own metrics stay, and a report that cannot be added to stays as it is.
    const bytes = binaryReport(replicas);
    if (bytes === null) return block;
    writer.begin(bytes);
    const field = writer.finish(this.measure(request, endpoint, nowMs), true);
    return new HeaderBlock([field], withoutReport(block));
  }

  private measure(request: RequestView, endpoint: Endpoint, nowMs: number): LoadReport {
    const { report } = this;
    const limit = request.cluster!.endpointLimit;
    // The request that this reply ends is counted as active until after the reply.
    report.inFlight = Math.max(0, endpoint.active - 1);
    report.latencyMs = endpoint.service!.latencyMs;
    report.limit = limit === 0 ? notReported : limit;
    report.application = limit === 0 ? notReported : report.inFlight / limit;
    report.requestsPerSecond = endpoint.rate.perSecond(nowMs);
    report.errorsPerSecond = endpoint.service!.errorsPerSecond(endpoint.error, nowMs);
    return report;
  }
}
