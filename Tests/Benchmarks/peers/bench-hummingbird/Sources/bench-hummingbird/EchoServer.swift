import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// Echoes WebSocket messages, as NIO's own example does it.
enum EchoServer {
    typealias Socket = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    static func run(port: Int) async throws {
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .bind(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture { try upgrade(channel) }
            }
        try await withThrowingDiscardingTaskGroup { group in
            try await server.executeThenClose { inbound in
                for try await upgraded in inbound {
                    group.addTask { await echo(upgraded) }
                }
            }
        }
    }

    private static func upgrade(_ channel: any Channel) throws -> EventLoopFuture<Socket?> {
        let upgrader = NIOTypedWebSocketServerUpgrader<Socket?>(
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture { try Socket(wrappingChannelSynchronously: channel) }
            })
        let configuration = NIOTypedHTTPServerUpgradeConfiguration<Socket?>(
            upgraders: [upgrader],
            notUpgradingCompletionHandler: { channel in channel.close().map { nil } })
        return try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
            configuration: .init(upgradeConfiguration: configuration))
    }

    private static func echo(_ upgraded: EventLoopFuture<Socket?>) async {
        do {
            guard let socket = try await upgraded.get() else { return }
            try await socket.executeThenClose { inbound, outbound in
                for try await frame in inbound {
                    switch frame.opcode {
                    case .text, .binary: try await outbound.write(WebSocketFrame(fin: true, opcode: frame.opcode, data: frame.unmaskedData))
                    case .ping: try await outbound.write(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData))
                    case .connectionClose: return
                    default: continue
                    }
                }
            }
        } catch {
            // The client has gone.
        }
    }
}
