-- title: Protocols
-- meaning: flows, packets and bytes of each protocol, accepted and refused
-- theme: overview
-- fields: action, protocol, packets, bytes
WITH seen AS (
    SELECT protocol                                  AS number,
           count(*) FILTER (WHERE action = 'ACCEPT') AS accepted,
           count(*) FILTER (WHERE action = 'REJECT') AS rejected,
           sum(packets)                              AS packets,
           sum(bytes)                                AS bytes
    FROM flow_logs
    WHERE protocol IS NOT NULL
    GROUP BY protocol
)
SELECT coalesce(protocol_name(number), CAST(number AS VARCHAR)) AS protocol, accepted, rejected, packets, bytes
FROM seen
ORDER BY bytes DESC, protocol
