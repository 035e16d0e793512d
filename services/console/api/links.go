package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
)

// linkAnswer is a tracked link.
type linkAnswer struct {
	Token   string     `json:"token"`
	URL     string     `json:"url"`
	Expires event.Time `json:"expires,omitzero"`
}

// link signs a tracked link for a customer or for everybody.
func (a *API) link(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Link     string     `json:"link"`
		Customer string     `json:"customer"`
		Staff    string     `json:"staff"`
		Expires  event.Time `json:"expires"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	d, ok := a.opt.Defs.Get(defs.KindLink, in.Link)
	if !ok {
		return notFound("没有这个链接，请先在定义中创建", "there is no such link; create its definition first")
	}
	body, err := defs.Body[defs.Link](d)
	if err != nil {
		return err
	}
	if in.Staff != "" && in.Staff != body.StaffID {
		return badRequest("链接的员工在其定义的 staff_id 中设置", "the staff of a link is set as staff_id of its definition")
	}
	if in.Expires != 0 && in.Expires <= event.At(a.opt.Now()) {
		return badRequest("expires 应为将来的时间", "expires is a time to come")
	}
	customer, err := a.linkCustomer(r, in.Customer)
	if err != nil {
		return err
	}
	token, err := a.links.SignLink(auth.Link{ID: in.Link, Customer: customer, Expires: in.Expires})
	switch {
	case errors.Is(err, auth.ErrLinkTooLong):
		return badRequest("customer 太长", "customer is too long for a link")
	case err != nil:
		return err
	}
	return answer(w, http.StatusOK, linkAnswer{Token: token, URL: a.publicURL(r) + "/r/" + token, Expires: in.Expires})
}

// linkCustomer is what a link carries of a customer. A phone number or address
// does not belong into a link: its profile stands for it.
func (a *API) linkCustomer(r *http.Request, customer string) (string, error) {
	id, err := event.ParseIdentity(customer)
	if customer == "" || err == nil && !id.Personal() && id.Namespace != directNamespace {
		return customer, nil
	}
	p, err := a.find(r.Context(), customer)
	if err != nil {
		return "", err
	}
	return p.ID, nil
}

// publicURL is how customers reach us.
func (a *API) publicURL(r *http.Request) string {
	if u := a.opt.Config.PublicURL; u != "" {
		return strings.TrimRight(u, "/")
	}
	scheme := "http"
	if r.TLS != nil || a.opt.Config.Secure {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
