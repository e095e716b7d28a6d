-- title: NAT gateway top contributors
-- meaning: private addresses by the bytes that they exchange with the internet through NAT gateways, as seen at the gateways
-- theme: paths
-- fields: srcaddr, dstaddr, pkt_srcaddr, pkt_dstaddr, bytes
-- optional: interface_id, interface_type
-- param: interface text '': interface of one gateway; needed where the log has no interface-type
-- param: top integer 20: rows at most
WITH passed AS (
    SELECT CASE WHEN dstaddr <> pkt_dstaddr THEN srcaddr ELSE dstaddr END AS address,
           CASE WHEN dstaddr <> pkt_dstaddr THEN bytes ELSE 0 END         AS up,
           CASE WHEN dstaddr <> pkt_dstaddr THEN 0 ELSE bytes END         AS down
    FROM flow_logs
    WHERE (interface_id = $interface
           OR ($interface = '' AND interface_type IN ('nat_gateway', 'regional_nat_gateway')))
      AND ((dstaddr <> pkt_dstaddr AND NOT is_private(pkt_dstaddr))
           OR (srcaddr <> pkt_srcaddr AND NOT is_private(pkt_srcaddr)))
)
SELECT address,
       count(*)            AS flows,
       sum(up)             AS bytes_to_internet,
       sum(down)           AS bytes_from_internet,
       sum(up + down)      AS bytes
FROM passed
GROUP BY address
ORDER BY bytes DESC, address
LIMIT $top
