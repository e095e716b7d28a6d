-- has: 10.0.2.20 | 2 | 9000 | 700000 | 709000
-- lacks: 10.0.9.1
WITH at_gateway AS (SELECT * FROM vpc WHERE contains(interface_type, 'nat_gateway')),
up AS (SELECT srcaddr a, count(*) n, sum(bytes) b FROM at_gateway WHERE pkt_dstaddr <> dstaddr AND NOT private(pkt_dstaddr) GROUP BY 1),
down AS (SELECT dstaddr a, count(*) n, sum(bytes) b FROM at_gateway WHERE pkt_srcaddr <> srcaddr AND NOT private(pkt_srcaddr) GROUP BY 1)
SELECT a, up.n + down.n, up.b, down.b, up.b + down.b s FROM up JOIN down USING (a) ORDER BY s DESC, a
