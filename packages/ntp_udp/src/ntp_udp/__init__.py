"""UDP sockets with the instants at which datagrams came and went."""

from ntp_udp.socket import Convert, SocketError, StampHold, UdpServerSocket, UdpSocket

__all__ = ["Convert", "SocketError", "StampHold", "UdpServerSocket", "UdpSocket"]
