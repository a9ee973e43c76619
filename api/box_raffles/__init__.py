"""The paths of box raffles: `/v1/box-raffles…`, and those of their players and sellers."""

from api.box_raffles import boxes, participants, raffles, sellers, winners

HANDLERS = (
    raffles.list_raffles,
    raffles.get_raffle,
    boxes.list_boxes,
    participants.list_participants,
    winners.list_winners,
    participants.list_player_raffles,
    raffles.list_seller_raffles,
    sellers.list_sales,
)
