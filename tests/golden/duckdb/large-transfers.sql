SELECT srcaddr, dstaddr, called(srcport, dstport, tcp_flags) p, count(*), sum(bytes) b FROM vpc WHERE action = 'ACCEPT' GROUP BY 1, 2, 3 HAVING b >= 1024 * 1024 * 1024 ORDER BY b DESC
